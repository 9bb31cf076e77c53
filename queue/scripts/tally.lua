-- tally.lua - adds what one record tells to counters, once.
--
-- KEYS  record, counters of its day, of all days, what their subjects are called
-- ARGV  token, life in ms, fields max, a subject ('': none), what it is called, then for each
--       counter: name, amount
-- Returns 0 counted, 1 counted before, 2 the record is another worker's by now, 3 somebody has
--       overwritten the counters: none was changed.
--
-- What is known of a record that was counted stands in it: it outlives every settlement but those
-- behind which nobody claims it any more. A record counts as a whole, or in a hash that has no room
-- for its new counters as one under 'left_out'. Frees first (HDEL), so that Redis lets it run over
-- maxmemory.
local COUNTED, BEFORE, STALE, BROKEN = 0, 1, 2, 3
local FIRST = 6 -- of the counters
local call = redis.call
local record, day, all, called = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local token, life_ms, fields_max = ARGV[1], ARGV[2], tonumber(ARGV[3])
local subject, name = ARGV[4], ARGV[5]

local function has_room(hash)
  local fields, new = call('HLEN', hash), (#ARGV - FIRST + 1) / 2
  if fields + new <= fields_max then
    return true
  end
  for i = FIRST, #ARGV, 2 do
    new = new - call('HEXISTS', hash, ARGV[i])
  end
  return new == 0 or fields + new <= fields_max
end

local function add(hash)
  if not has_room(hash) then
    redis.pcall('HINCRBY', hash, 'left_out', 1)
    return
  end
  for i = FIRST, #ARGV, 2 do
    redis.pcall('HINCRBY', hash, ARGV[i], ARGV[i + 1]) -- somebody may have made it no number
  end
end

local function keep_name()
  if subject ~= '' and (call('HLEN', called) < fields_max or call('HEXISTS', called, subject) == 1) then
    call('HSET', called, subject, name)
    call('PEXPIRE', called, life_ms)
  end
end

local function is_hash(key)
  local size = redis.pcall('HLEN', key)
  if type(size) == 'table' and not string.find(size.err, 'WRONGTYPE', 1, true) then
    error(size.err)
  end
  return type(size) == 'number'
end

local held = redis.pcall('HMGET', record, 's', 'k', 'c')
if held[1] ~= 'claimed' or held[2] ~= token then
  return STALE
end
if held[3] then
  return BEFORE
end
if not (is_hash(day) and is_hash(all) and is_hash(called)) then
  return BROKEN
end
call('HDEL', record, 'c')
call('HSET', record, 'c', 1)
add(day)
add(all)
keep_name()
if call('PTTL', day) < 0 then
  call('PEXPIRE', day, life_ms)
end
return COUNTED
