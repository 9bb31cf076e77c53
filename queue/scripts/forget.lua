-- forget.lua - removes consumers of one partition that nobody is any more.
--
-- KEYS  stream
-- ARGV  group, idle in ms, how many at most
-- Returns how many it were.
--
-- With the consumer Redis would forget what it has pending: so both are one step. Should it be
-- somebody after all, its next claim makes it again.
local stream, group, idle_ms, most = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local forgotten = 0

local function read(fields)
  local consumer = {}
  for i = 1, #fields, 2 do
    consumer[fields[i]] = fields[i + 1]
  end
  return consumer
end

local consumers = redis.pcall('XINFO', 'CONSUMERS', stream, group) -- an error: there is no group
for _, fields in ipairs(consumers) do
  local consumer = read(fields)
  if consumer.pending == 0 and consumer.idle >= idle_ms and forgotten < most then
    redis.call('XGROUP', 'DELCONSUMER', stream, group, consumer.name)
    forgotten = forgotten + 1
  end
end
return forgotten
