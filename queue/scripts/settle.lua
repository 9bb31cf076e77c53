-- settle.lua - ends claims of one partition.
--
-- KEYS  stream, delayed, parked, stats, then for each settlement: record, copy of its bytes
-- ARGV  group, dedupe window in ms, life of copies in ms (0: none), then for each settlement:
--       key, entry id, token, outcome, reason, delay in ms, attempts to give back, reopens (1),
--       what went wrong ('': nothing to tell), shelf (0: none, the delay counts), is a wait (1)
-- Returns a number for each settlement: 0 settled, 1 stale, 2 reopened.
--
-- Frees first (XACK, XDEL), then writes: so Redis lets it run over maxmemory. Before that it reads
-- what it may have to write to: with a key of another type nothing runs.
local SHELF = 1e14 -- above every time: records on shelf n score from n of it, by their age
local SETTLED, STALE, REOPENED = 0, 1, 2
local call = redis.call
local stream, delayed, parked, stats = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local group, window_ms, copy_ms = ARGV[1], ARGV[2], tonumber(ARGV[3])
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local counts = {}

local function count(name)
  counts[name] = (counts[name] or 0) + 1
end

local function keep_copy(item)
  local fields = call('HGETALL', item.record)
  call('DEL', item.record, item.copy) -- be that what it may
  for i = 1, #fields, 2 do
    if string.sub(fields[i], 1, 2) == 'r:' or fields[i] == 't' then
      call('HSET', item.copy, fields[i], fields[i + 1])
    end
  end
  call('PEXPIRE', item.copy, copy_ms)
end

local function told_by(record)
  for _, field in ipairs(call('HKEYS', record)) do
    if string.sub(field, 1, 2) == 'r:' then
      return field
    end
  end
end

-- Leaves the state; of one that a new route may reopen, also who told it, or the bytes to judge it
-- by again.
local function bury(item)
  local told = item.reopens and item.outcome == 'delivered' and told_by(item.record)
  if item.reopens and not told then
    call('HDEL', item.record, 'k', 'd', 'l', 'w', 'b')
    call('HSET', item.record, 'o', 1)
  elseif copy_ms > 0 then
    keep_copy(item)
  else
    call('DEL', item.record)
  end
  call('HSET', item.record, 's', item.outcome)
  if told then
    call('HSET', item.record, 'o', told)
  end
  call('PEXPIRE', item.record, window_ms)
  count(item.outcome)
end

local function filter(item)
  bury(item)
  call('HSET', item.record, 'e', item.reason)
  count('filtered:' .. item.reason)
end

local function unclaim(item, state)
  call('HDEL', item.record, 'k', 'd')
  call('HSET', item.record, 's', state)
  if item.give_back > 0 then
    call('HINCRBY', item.record, 'a', -item.give_back)
  end
end

-- Kept until something else goes wrong.
local function note_error(item)
  call('HSET', item.record, 'e', item.reason)
  if item.detail ~= '' then
    call('HSET', item.record, 'w', item.detail)
  end
end

local function release(item)
  unclaim(item, 'pending')
  call('XADD', stream, '*', 'k', item.key)
end

-- Since when it waits: the first time stays.
local function note_wait(item)
  local since = tonumber(call('HGET', item.record, 'b'))
  if not since or since > now then -- Redis's clock may have gone back
    call('HSET', item.record, 'b', string.format('%.0f', now))
  end
end

local function delay(item)
  unclaim(item, 'delayed')
  if item.is_wait then
    note_wait(item)
  end
  call('HDEL', item.record, 'l') -- whoever claimed it lived to tell
  note_error(item)
  local due = now + item.delay_ms
  if item.shelf > 0 then
    due = item.shelf * SHELF + (tonumber(call('HGET', item.record, 't')) or now)
  end
  call('ZADD', delayed, string.format('%.0f', due), item.key)
end

local function park(item)
  unclaim(item, 'parked')
  if item.reason ~= 'poison' then
    call('HDEL', item.record, 'l') -- as above; poison nobody read
  end
  note_error(item)
  call('ZADD', parked, now, item.key)
  count('parked:' .. item.reason)
end

local finish = {delivered = bury, filtered = filter, delayed = delay, released = release,
  parked = park}

-- A route came while the worker was deciding without it: let it decide again.
local function must_look_again(item)
  return item.dirty and (item.outcome == 'filtered' or item.outcome == 'parked')
end

-- Such a route of what is delivered: it is heard as if it had come later.
local function must_hear(item)
  return item.dirty and item.reopens and item.outcome == 'delivered'
end

local function reopen(item)
  call('HSET', item.record, 'n', 1)
  release(item)
end

-- Of what somebody overwrote with another type nothing is ours: it is an error without fields.
local function is_ours(item)
  local held = redis.pcall('HMGET', item.record, 's', 'k', 'd')
  item.dirty = held[3]
  return held[1] == 'claimed' and held[2] == item.token
end

local results, ids, todo, seen = {}, {}, {}, {}
for i = 1, (#KEYS - 4) / 2 do
  local at = 11 * i - 8
  local item = {index = i, record = KEYS[2 * i + 3], copy = KEYS[2 * i + 4],
    key = ARGV[at + 1], token = ARGV[at + 3], outcome = ARGV[at + 4], reason = ARGV[at + 5],
    delay_ms = tonumber(ARGV[at + 6]), give_back = tonumber(ARGV[at + 7]),
    reopens = ARGV[at + 8] == '1', detail = ARGV[at + 9],
    shelf = tonumber(ARGV[at + 10]), is_wait = ARGV[at + 11] == '1'}
  results[i] = STALE
  if not seen[item.record] and is_ours(item) then
    seen[item.record] = true
    ids[#ids + 1] = ARGV[at + 2]
    todo[#todo + 1] = item
  end
end
if #todo > 0 then
  call('ZCARD', delayed)
  call('ZCARD', parked)
  call('HLEN', stats)
  call('XACK', stream, group, unpack(ids))
  call('XDEL', stream, unpack(ids))
end
for _, item in ipairs(todo) do
  local again = must_look_again(item)
  local act = again and release or must_hear(item) and reopen or finish[item.outcome]
  act(item)
  results[item.index] = again and REOPENED or SETTLED
end
for name, change in pairs(counts) do
  call('HINCRBY', stats, name, change)
end
return results
