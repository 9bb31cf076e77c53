-- put.lua - makes events of one partition durable: all of them, or none.
--
-- KEYS  stream, parked, stats, then each event's record
-- ARGV  schema, size of the records' prefix, routes max, derived (1), then for each event: route
--       field, bytes
-- Returns a number for each event: 0 new, 1 merged, 2 duplicate, 3 has too many routes.
--
-- Reads before it writes, and its first write may not run over maxmemory: then nothing ran. That
-- is the one to the stream: when that key is no stream, no record is left behind that is in none.
-- Nor is anything stored when a key that may have to be changed has another type. What was derived
-- from a record is stored over maxmemory, too, or that one could never be settled.
local NEW, MERGED, DUPLICATE, FULL = 0, 1, 2, 3
local call = redis.call
local stream, parked, stats = KEYS[1], KEYS[2], KEYS[3]
local schema, prefix_size, routes_max = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local is_derived = ARGV[4] == '1'
local counts = {}
-- Asked once for all: nearly always no record is there yet.
local some_exist = call('EXISTS', unpack(KEYS, 4)) > 0
local states = {} -- of each record, as far as this call has come

local function count(name, change)
  counts[name] = (counts[name] or 0) + change
end

local function key_of(record)
  return string.sub(record, prefix_size + 1)
end

local function has_room(record)
  local routes = 0
  for _, field in ipairs(call('HKEYS', record)) do
    if string.sub(field, 1, 2) == 'r:' then
      routes = routes + 1
    end
  end
  return routes < routes_max
end

-- Some settled records know who told them, and wait for whoever knows what they lacked.
local function reopen(record, state, route, bytes)
  local told = call('HGET', record, 'o')
  if not told or told == route or call('HEXISTS', record, route) == 1 then
    return DUPLICATE
  end
  if not has_room(record) then
    return FULL
  end
  count(state, -1)
  if state == 'filtered' then
    count('filtered:' .. (call('HGET', record, 'e') or ''), -1)
  end
  call('XADD', stream, '*', 'k', key_of(record))
  call('HSET', record, 's', 'pending', 'v', schema, 'a', 0, route, bytes)
  call('HDEL', record, 'e', 'o', 't', 'w')
  if state == 'delivered' then
    call('HSET', record, 'n', 1)
  end
  call('PERSIST', record)
  states[record] = 'pending'
  return NEW
end

-- What a parked record lacked may be in the new route: it is tried as if it were new.
local function unpark(record)
  call('XADD', stream, '*', 'k', key_of(record))
  count('parked:' .. (call('HGET', record, 'e') or ''), -1)
  call('HSET', record, 's', 'pending', 'a', 0)
  call('HDEL', record, 'e', 'b')
  call('ZREM', parked, key_of(record))
  states[record] = 'pending'
end

local function merge(record, state, route, bytes)
  if call('HEXISTS', record, route) == 1 then
    return DUPLICATE
  end
  if not has_room(record) then
    return FULL
  end
  if state == 'parked' then
    unpark(record)
  end
  call('HSET', record, route, bytes)
  if state == 'claimed' then
    call('HSET', record, 'd', 1)
  end
  return MERGED
end

local function put(record, route, bytes)
  local state = states[record]
  if not state then
    states[record] = 'pending'
    call('XADD', stream, '*', 'k', key_of(record))
    call('HSET', record, 's', 'pending', 'v', schema, route, bytes)
    count('accepted', 1)
    return NEW
  end
  if state == 'dropped' then
    return DUPLICATE
  end
  if state == 'delivered' or state == 'filtered' then
    return reopen(record, state, route, bytes)
  end
  return merge(record, state, route, bytes)
end

if some_exist then
  call('ZCARD', parked)
  call('HLEN', stats)
  for i = 4, #KEYS do
    states[KEYS[i]] = call('HGET', KEYS[i], 's')
  end
end
if is_derived then
  call('HDEL', stats, '') -- the first write is allowed over maxmemory, and so are those behind it
end
local results = {}
for i = 4, #KEYS do
  local at = 2 * i - 3
  results[i - 3] = put(KEYS[i], ARGV[at], ARGV[at + 1])
end
for name, change in pairs(counts) do
  call('HINCRBY', stats, name, change)
end
return results
