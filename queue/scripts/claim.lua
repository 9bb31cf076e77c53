-- claim.lua - takes records of one partition for a worker.
--
-- KEYS  stream, delayed, lost, stats
-- ARGV  group, consumer, incarnation prefix of our tokens, token, prefix of records, max,
--       claim deadline in ms, recover cursor, takeover cursor ('' each: not now),
--       as bits: closed shelves, and those of them to take one from all the same
-- Returns now in ms, recover cursor, takeover cursor, groups made again, the records, each
--       {key, entry id, attempts, received ms, schema, lost claims, {route, bytes, ...}, whether it
--       was delivered, since when it waits, 0: it does not}, how many entries had none, and the key of
--       the last of those.
--
-- The first write of each run is one that Redis allows over maxmemory; then the rest may run.
local OWN_READ = 64
local SHELF = 1e14 -- settle.lua's: a score from n of it is on shelf n
local call = redis.call
local stream, delayed, lost, stats = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local group, consumer, incarnation, token, prefix = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local max, deadline_ms, recover, takeover = tonumber(ARGV[6]), ARGV[7], ARGV[8], ARGV[9]
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local closed, peeked = tonumber(ARGV[10]), tonumber(ARGV[11])
local records, recreated, missing, missing_key = {}, 0, 0, ''

-- The group is gone when Redis came back without its data. At 0 nothing is skipped.
local function group_call(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err and string.find(reply.err, 'NOGROUP', 1, true) then
    call('XGROUP', 'CREATE', stream, group, '0', 'MKSTREAM')
    call('HINCRBY', stats, 'group_recreated', 1)
    recreated = recreated + 1
    reply = call(...)
  end
  if type(reply) == 'table' and reply.err then
    error(reply.err)
  end
  return reply
end

local function room()
  return max - #records
end

local function drop_entry(id)
  call('XACK', stream, group, id)
  call('XDEL', stream, id)
end

local function lose(id, key)
  missing, missing_key = missing + 1, key or ''
  call('ZADD', lost, now, id .. ' ' .. missing_key)
end

-- Of a record. Somebody may have overwritten it with another type: then it is gone.
local function look(...)
  local fields = redis.pcall(...)
  if fields.err and string.find(fields.err, 'WRONGTYPE', 1, true) then
    return {}
  end
  if fields.err then
    error(fields.err)
  end
  return fields
end

local function is_waiting(state)
  return state ~= 'delivered' and state ~= 'filtered' and state ~= 'dropped'
    and state ~= 'delayed' and state ~= 'parked'
end

-- Of this incarnation, but not of this call: its worker is at it right now. Behind the deadline
-- it is not: then the answer of that call met nobody.
local function is_ours_under_way(state, holder)
  return state == 'claimed' and holder ~= token
    and string.sub(holder or '', 1, #incarnation) == incarnation
end

local function split(fields)
  local values, routes = {}, {}
  for i = 1, #fields, 2 do
    local name, value = fields[i], fields[i + 1]
    if string.sub(name, 1, 2) ~= 'r:' then
      values[name] = value
    else
      routes[#routes + 1] = string.sub(name, 3)
      routes[#routes + 1] = value
    end
  end
  return values, routes
end

-- Claims of this record that ended without any settlement, because their worker is gone.
local function count_lost(record, values)
  local lost_claims = tonumber(values.l) or 0
  if values.s == 'claimed' and string.sub(values.k or '', 1, #incarnation) ~= incarnation then
    lost_claims = lost_claims + 1
    call('HSET', record, 'l', lost_claims)
  end
  return lost_claims
end

-- Claimed by this very call already, whose answer was lost: no other attempt.
local function is_repeated(values)
  return values.s == 'claimed' and values.k == token
end

-- Redis's clock may have gone back.
local function not_ahead(ms)
  return (tonumber(ms) or 0) > now and string.format('%.0f', now) or ms
end

local function take(id, key, is_late)
  local record = key and prefix .. key
  local fields = key and look('HGETALL', record) or {}
  if #fields == 0 then
    drop_entry(id)
    return lose(id, key)
  end
  local values, routes = split(fields)
  if not is_waiting(values.s) then
    return drop_entry(id)
  end
  if not is_late and is_ours_under_way(values.s, values.k) then
    return
  end
  local attempts = (tonumber(values.a) or 0) + (is_repeated(values) and 0 or 1)
  -- The first entry came with the record.
  local received = not_ahead(values.t or string.match(id, '^%d+'))
  call('HDEL', record, 'd')
  local lost_claims = count_lost(record, values)
  call('HSET', record, 's', 'claimed', 'k', token, 'a', attempts, 't', received)
  records[#records + 1] = {key, id, attempts, received, values.v or '0', lost_claims, routes,
    values.n and 1 or 0, not_ahead(values.b or '0')}
end

local function key_in(fields)
  for i = 1, #fields, 2 do
    if fields[i] == 'k' then
      return fields[i + 1]
    end
  end
end

-- An entry without fields was deleted behind our back: its record shows up as unaccounted.
local function take_entry(entry, is_late)
  if entry[2] then
    take(entry[1], key_in(entry[2]), is_late)
  else
    drop_entry(entry[1])
  end
end

local function take_all(entries, is_late)
  for _, entry in ipairs(entries) do
    if entry then
      take_entry(entry, is_late)
    end
  end
end

local function read(from, count)
  local reply = group_call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', count,
    'STREAMS', stream, from)
  return reply and reply[1][2] or {}
end

-- Of a claim whose answer was lost, and there is no room for it: a later call, with another
-- token, shall not think that it is in hand.
local function let_go(entry)
  local record = prefix .. (entry[2] and key_in(entry[2]) or '')
  local held = look('HMGET', record, 's', 'k')
  if held[1] == 'claimed' and held[2] == token then
    call('HDEL', record, 'k')
    call('HSET', record, 's', 'pending')
    call('HINCRBY', record, 'a', -1) -- nobody heard of it
  end
end

-- What this consumer had claimed before, to the end of it: see let_go().
local function take_own()
  local from, rest = recover, ''
  repeat
    local entries = read(from, OWN_READ)
    for _, entry in ipairs(entries) do
      if room() > 0 then
        take_entry(entry)
      else
        rest = rest ~= '' and rest or from
        let_go(entry)
      end
      from = entry[1]
    end
  until #entries == 0
  recover = rest
end

-- Of the delayed with a score from..to.
local function move(from, to, count)
  for _, key in ipairs(call('ZRANGEBYSCORE', delayed, from, to, 'LIMIT', 0, count)) do
    call('ZREM', delayed, key)
    local state = look('HMGET', prefix .. key, 's')[1]
    if not state then
      lose('delayed', key)
    elseif state == 'delayed' then
      call('HSET', prefix .. key, 's', 'pending')
      call('XADD', stream, '*', 'k', key)
    end
  end
end

local function score(number)
  return string.format('%.0f', number)
end

local function has(shelves, shelf)
  return bit.band(shelves, bit.lshift(1, shelf)) ~= 0
end

-- From one shelf that has something to the next.
local function clear_shelves()
  local from = SHELF
  while true do
    local first = call('ZRANGEBYSCORE', delayed, score(from), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    if #first == 0 then
      return
    end
    local shelf = math.floor(tonumber(first[2]) / SHELF)
    from = (shelf + 1) * SHELF
    if not has(closed, shelf) then
      move(score(shelf * SHELF), '(' .. score(from), max)
    elseif has(peeked, shelf) then
      move(score(shelf * SHELF), '(' .. score(from), 1)
    end
  end
end

local function take_over()
  local reply = group_call('XAUTOCLAIM', stream, group, consumer, deadline_ms, takeover,
    'COUNT', room())
  takeover = reply[1]
  take_all(reply[2], true)
end

if recover ~= '' then
  take_own()
end
move('-inf', now, max)
clear_shelves()
if takeover ~= '' and room() > 0 then
  take_over()
end
if room() > 0 then
  take_all(read('>', room()))
end
return {now, recover, takeover, recreated, records, missing, missing_key}
