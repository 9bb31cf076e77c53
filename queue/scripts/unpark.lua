-- unpark.lua - a person decides on parked records of one partition.
--
-- KEYS  stream, parked, stats, then each record
-- ARGV  "replay" or "drop", dedupe window in ms, size of the records' prefix
-- Returns a number for each record: 0 done, 1 it is not parked: nothing changed.
--
-- Frees first (ZREM), then writes: so Redis lets it run over maxmemory.
local DONE, NOT_PARKED = 0, 1
local call = redis.call
local stream, parked, stats = KEYS[1], KEYS[2], KEYS[3]
local window_ms, prefix_size = ARGV[2], tonumber(ARGV[3])
local counts = {}

local function count(name, change)
  counts[name] = (counts[name] or 0) + change
end

local act = {}

-- From the beginning: attempts and lost claims are counted anew. What went wrong last is kept.
function act.replay(record, key)
  call('HDEL', record, 'e', 'l', 'b')
  call('HSET', record, 's', 'pending', 'a', 0)
  call('XADD', stream, '*', 'k', key)
end

-- The tombstone refuses copies; the bytes are gone.
function act.drop(record)
  call('DEL', record)
  call('HSET', record, 's', 'dropped')
  call('PEXPIRE', record, window_ms)
  count('dropped', 1)
end

local function unpark(record)
  local known = call('HMGET', record, 's', 'e')
  if known[1] ~= 'parked' then
    return NOT_PARKED
  end
  local key = string.sub(record, prefix_size + 1)
  call('ZREM', parked, key)
  count('parked:' .. (known[2] or ''), -1)
  act[ARGV[1]](record, key)
  return DONE
end

local results = {}
for i = 4, #KEYS do
  results[i - 3] = unpark(KEYS[i])
end
for name, change in pairs(counts) do
  call('HINCRBY', stats, name, change)
end
return results
