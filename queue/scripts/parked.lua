-- parked.lua - looks at parked records of one partition. Changes nothing.
--
-- KEYS  parked
-- ARGV  prefix of records, then: "find", key
--       or: "page", how many, when the walk began (0: now), and time and key of the last one of
--       the page before ('' and '': none)
-- Returns now in ms, and the records, the longest parked first, each {key, parked ms, reason,
--       attempts, received ms, what went wrong, {route, its bytes (page: their size), ...}}.
local call = redis.call
local parked, prefix = KEYS[1], ARGV[1]
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function describe(key, parked_ms, of_bytes)
  local record = prefix .. key
  local known = call('HMGET', record, 'e', 'a', 't', 'w')
  local routes = {}
  for _, field in ipairs(call('HKEYS', record)) do
    if string.sub(field, 1, 2) == 'r:' then
      routes[#routes + 1] = string.sub(field, 3)
      routes[#routes + 1] = call(of_bytes, record, field)
    end
  end
  return {key, parked_ms, known[1] or '', known[2] or '0', known[3] or '0', known[4] or '', routes}
end

-- Behind the last one, or, when it is parked no more, where it was.
local function first_rank(last_ms, last_key)
  if last_key == '' then
    return 0
  end
  if call('ZSCORE', parked, last_key) == last_ms then
    return call('ZRANK', parked, last_key) + 1
  end
  return call('ZCOUNT', parked, '-inf', '(' .. last_ms)
end

local look = {}

function look.find(key)
  local parked_ms = call('ZSCORE', parked, key)
  return parked_ms and {describe(key, parked_ms, 'HGET')} or {}
end

-- What was parked since the walk began does not belong to it. Behind that, later than now, is what
-- was parked before Redis's clock went back.
local function next_ranks(first, count, began_ms)
  local since = call('ZCOUNT', parked, '-inf', began_ms)
  if first < since then
    return first, math.min(first + count, since) - 1
  end
  first = math.max(first, call('ZCOUNT', parked, '-inf', now))
  return first, first + count - 1
end

function look.page(count, began_ms, last_ms, last_key)
  began_ms = began_ms == '0' and string.format('%.0f', now) or began_ms
  local first, last = next_ranks(first_rank(last_ms, last_key), count, began_ms)
  local found = call('ZRANGE', parked, first, last, 'WITHSCORES')
  local records = {}
  for i = 1, #found, 2 do
    records[#records + 1] = describe(found[i], found[i + 1], 'HSTRLEN')
  end
  return records
end

return {now, look[ARGV[2]](unpack(ARGV, 3))}
