-- effects.lua - effects of one partition: what the outside world shall see once.
--
-- KEYS  effects
-- ARGV  prefix of this consumer's tokens, claim deadline in ms, window in ms, then for each
--       effect: mode (claim, complete, free or doubt), token, record key, time of the record's
--       claim, the word it would be known by outside ('-': none, or that of the claim)
-- Returns for each: for claim {number, doubted since, word}, else 0. The number is 0 claimed,
-- 1 busy, 2 done, 3 done by this record. It is doubted since then, in ms (0: it is not), when an
-- earlier claim began with it, under that word, and nobody knows whether the world has seen it.
--
-- The value is one of
--   claimed <token> <deadline ms> <claim ms> <doubted since> <word> <record key>
--   doubted <since> <word>
--   done <record key>
-- and lives for the window. A claim that neither ended nor was given back is a doubt, of its end
-- at the latest. Earlier versions' claims had neither a doubt nor a word. Overwritten with another
-- type it is not claimed: what was done is not known then.
-- DEL comes before SET so that Redis lets it run over maxmemory.
local CLAIMED, BUSY, DONE, OURS = 0, 1, 2, 3
local NO_WORD = '-'
local call = redis.call
local consumer, deadline_ms, window_ms = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function read(effect)
  local value = redis.pcall('GET', effect) or ''
  if type(value) == 'table' then
    return {error = value.err}
  end
  local held = {done_by = string.match(value, '^done (.*)$')}
  held.since, held.word = string.match(value, '^doubted (%d+) (%S+)$')
  if not held.since then
    held.token, held.deadline, held.claim_ms, held.since, held.word, held.key =
      string.match(value, '^claimed (%S+) (%d+) (%d+) (%d+) (%S+) (.*)$')
  end
  if not held.since then
    held.token, held.deadline, held.claim_ms, held.key =
      string.match(value, '^claimed (%S+) (%d+) (%d+) (.*)$')
  end
  return held
end

local function write(effect, value)
  call('DEL', effect)
  call('SET', effect, value, 'PX', string.format('%.0f', math.max(window_ms, deadline_ms)))
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

-- Of what this claim finds: a claim that is not its own may have been acted upon until its end.
-- A clock that went back has not made it later than now.
local function doubted_since(held, item)
  if held.token and held.token ~= item.token then
    return math.min(now, tonumber(held.deadline))
  end
  return math.min(now, tonumber(held.since) or 0)
end

local act = {}

function act.claim(effect, item, held)
  if held.error then
    error(held.error)
  end
  if held.done_by then
    return {held.done_by == item.key and OURS or DONE, 0, ''}
  end
  if not may_take(held, item) then
    return {BUSY, 0, ''}
  end
  local since = doubted_since(held, item)
  local word = since > 0 and held.word or item.word
  write(effect, string.format('claimed %s %.0f %s %.0f %s %s', item.token, now + deadline_ms,
    item.claim_ms, since, word, item.key))
  return {CLAIMED, since, word}
end

-- Whoever holds it by now: the outside world has seen it.
function act.complete(effect, item, held)
  if not held.done_by then
    write(effect, 'done ' .. item.key)
  end
  return 0
end

-- Nothing was begun with it by this claim: it is as it was before.
function act.free(effect, item, held)
  if held.token ~= item.token then
    return 0
  end
  if (tonumber(held.since) or 0) > 0 then
    write(effect, 'doubted ' .. held.since .. ' ' .. held.word)
  else
    call('DEL', effect)
  end
  return 0
end

-- It was, and how that ended nobody knows.
function act.doubt(effect, item, held)
  if held.token == item.token then
    local word = item.word ~= NO_WORD and item.word or held.word or NO_WORD
    write(effect, string.format('doubted %.0f %s', now, word))
  end
  return 0
end

local results = {}
for i, effect in ipairs(KEYS) do
  local at = 5 * i - 1
  local item = {token = ARGV[at + 1], key = ARGV[at + 2], claim_ms = ARGV[at + 3],
    word = ARGV[at + 4]}
  results[i] = act[ARGV[at]](effect, item, read(effect))
end
return results
