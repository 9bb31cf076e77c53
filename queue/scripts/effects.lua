-- effects.lua - effects of one partition: what the outside world shall see once.
--
-- KEYS  effects
-- ARGV  prefix of this consumer's tokens, claim deadline in ms, window in ms, then for each
--       effect: mode (claim, complete or free), token, record key, time of the record's claim
-- Returns a number for each: for claim 0 claimed, 1 busy, 2 done, 3 done by this record; else 0.
--
-- The value is "claimed <token> <deadline ms> <claim ms> <record key>", which lives until then, or
-- "done <record key>", which lives for the window. Overwritten with another type it is not claimed:
-- what was done is not known then.
-- DEL comes before SET so that Redis lets it run over maxmemory.
local CLAIMED, BUSY, DONE, OURS = 0, 1, 2, 3
local call = redis.call
local consumer, deadline_ms, window_ms = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function read(effect)
  local value = redis.pcall('GET', effect) or ''
  if type(value) == 'table' then
    return {error = value.err}
  end
  local held = {done_by = string.match(value, '^done (.*)$')}
  held.token, held.deadline, held.claim_ms, held.key =
    string.match(value, '^claimed (%S+) (%d+) (%d+) (.*)$')
  return held
end

local function incarnation(token)
  return string.match(token, '^(.*/)')
end

-- The same record under another token: of two claims the later one counts.
local function may_take(held, item)
  if not held.token or held.token == item.token or now >= tonumber(held.deadline) then
    return true
  end
  if held.key == item.key then
    return tonumber(item.claim_ms) >= tonumber(held.claim_ms)
  end
  return string.sub(held.token, 1, #consumer) == consumer
    and incarnation(held.token) ~= incarnation(item.token)
end

local act = {}

function act.claim(effect, item, held)
  if held.error then
    error(held.error)
  end
  if held.done_by then
    return held.done_by == item.key and OURS or DONE
  end
  if not may_take(held, item) then
    return BUSY
  end
  call('DEL', effect)
  call('SET', effect, string.format('claimed %s %.0f %s %s', item.token, now + deadline_ms,
    item.claim_ms, item.key), 'PX', deadline_ms)
  return CLAIMED
end

-- Whoever holds it by now: the outside world has seen it.
function act.complete(effect, item, held)
  if not held.done_by then
    call('DEL', effect)
    call('SET', effect, 'done ' .. item.key, 'PX', window_ms)
  end
  return 0
end

function act.free(effect, item, held)
  if held.token == item.token then
    call('DEL', effect)
  end
  return 0
end

local results = {}
for i, effect in ipairs(KEYS) do
  local at = 4 * i
  local item = {token = ARGV[at + 1], key = ARGV[at + 2], claim_ms = ARGV[at + 3]}
  results[i] = act[ARGV[at]](effect, item, read(effect))
end
return results
