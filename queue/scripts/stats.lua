-- stats.lua - one snapshot of a partition. Changes nothing.
--
-- KEYS  stream, delayed, parked, stats, lost
-- ARGV  group, prefix of records, how many of the oldest to look at
-- Returns counters as {name, value, ...}, then the sizes of stream, delayed, parked and lost,
--         claimed, age of the oldest unsettled record in ms.
local call = redis.call
local stream, delayed, parked, stats, lost = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local group, prefix, look = ARGV[1], ARGV[2], tonumber(ARGV[3])
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local oldest = now

-- Until it is claimed for the first time a record's entry says when it came. What somebody
-- overwrote with another type is an error, and no number.
local function look_at(key, id)
  local received = tonumber(redis.pcall('HGET', prefix .. key, 't') or string.match(id, '^%d+'))
  if received and received < oldest then
    oldest = received
  end
end

for _, entry in ipairs(call('XRANGE', stream, '-', '+', 'COUNT', look)) do
  local fields = entry[2]
  if fields[1] == 'k' then
    look_at(fields[2], entry[1])
  end
end
for _, key in ipairs(call('ZRANGE', delayed, 0, look - 1)) do
  look_at(key, '')
end
local pending = redis.pcall('XPENDING', stream, group)
return {call('HGETALL', stats), call('XLEN', stream), call('ZCARD', delayed),
  call('ZCARD', parked), call('ZCARD', lost), pending.err and 0 or pending[1], now - oldest}
