-- pause.lua - why deliveries wait, for all workers, and whose turn it is to see whether it is over.
--
-- KEYS  paused: cause -> "<since ms> <where it was met, -: nobody probes it> <what to do>",
--       and ".probe" -> "<not before, ms> <interval ms> <token of who has the turn, or ->".
--       Earlier versions knew neither the second word nor ".probe": theirs may be probed at once.
-- ARGV  "look", token, how long a turn lasts in ms (0: none is asked for)
--       "put", token, cause, where, what to do, first interval ms (0: no probes), longest ms
--       "postpone", token, first interval ms, longest ms
--       "remove", token, cause
-- Returns for look: now in ms, 1 when the turn is ours, all fields; else a number.
--
-- Redis's clock alone decides. HDEL comes first so that Redis lets it run over maxmemory.
local PROBE = '.probe'
local UNKNOWN_INTERVAL_MS = 1000
local call = redis.call
local paused, act, token = KEYS[1], ARGV[1], ARGV[2]
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function read_probe()
  local due, interval, holder =
    string.match(call('HGET', paused, PROBE) or '', '^(%d+) (%d+) (%S+)$')
  return tonumber(due), tonumber(interval), holder
end

local function write_probe(due, interval, holder)
  call('HDEL', paused, PROBE)
  call('HSET', paused, PROBE, string.format('%.0f %.0f %s', due, interval, holder))
end

local function some_are_probed(fields)
  for i = 1, #fields, 2 do
    if fields[i] ~= PROBE and not string.find(fields[i + 1], '^%d+ %- ') then
      return true
    end
  end
  return false
end

-- Further ahead than anybody puts it is where Redis's clock was before it went back.
local function is_due(due, interval, turn_ms)
  return not due or now >= due or due > now + math.max(interval, turn_ms)
end

-- The next probe: soon after something new, ever later after the same again. What others say
-- while somebody is probing, or before the next one is due, was sent before and is no news.
local function schedule(is_new, first, longest)
  local due, interval, holder = read_probe()
  if due and now < due and holder ~= token and (holder ~= '-' or not is_new) then
    return
  end
  if is_new or not due then
    interval = first
  else
    interval = math.min(2 * interval, longest)
  end
  write_probe(now + interval, interval, '-')
end

-- Its life before this one had the turn, and nobody has it now.
local function is_earlier_life(holder)
  return holder ~= token and string.match(holder or '', '^(.*/)[^/]+/$') == string.match(token, '^(.*/)[^/]+/$')
end

local run = {}

function run.look(turn_ms)
  local due, interval, holder = read_probe()
  local fields = call('HGETALL', paused)
  turn_ms = tonumber(turn_ms)
  local is_ours = turn_ms > 0 and some_are_probed(fields)
    and (is_due(due, interval, turn_ms) or is_earlier_life(holder))
  if is_ours then
    write_probe(now + turn_ms, interval or UNKNOWN_INTERVAL_MS, token)
  end
  return {now, is_ours and 1 or 0, fields}
end

function run.put(cause, where, remedy, first, longest)
  local shown = call('HGET', paused, cause)
  local since = shown and string.match(shown, '^%d+') or string.format('%.0f', now)
  call('HDEL', paused, cause)
  call('HSET', paused, cause, since .. ' ' .. where .. ' ' .. remedy)
  if tonumber(first) > 0 then
    schedule(not shown, tonumber(first), tonumber(longest))
  end
  return 0
end

function run.postpone(first, longest)
  local due, _, holder = read_probe()
  if due and holder == token then
    schedule(false, tonumber(first), tonumber(longest))
  end
  return 0
end

function run.remove(cause)
  local removed = call('HDEL', paused, cause)
  if not some_are_probed(call('HGETALL', paused)) then
    call('HDEL', paused, PROBE)
  end
  return removed
end

return run[act](unpack(ARGV, 3))
