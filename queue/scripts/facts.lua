-- facts.lua - what is known of one subject: facts that may come late, twice and in any order.
--
-- KEYS  facts
-- ARGV  life in ms, facts max, then for each fact: name, rank, text
-- Returns everything known then: {name, value, ...}.
--
-- A value is "<rank> <text>". A name begins with its rule: '+' keeps the higher rank, '-' the
-- lower; of equal ranks the greater text is kept. What changes nothing is not written.
local call = redis.call
local facts, life_ms, max = KEYS[1], ARGV[1], tonumber(ARGV[2])
local known, order, changes = {}, {}, {}

local function wins(name, rank, text, value)
  local held_rank, held_text = string.match(value, '^(%-?%d+) (.*)$')
  if not held_rank then
    return true
  end
  if rank == held_rank then
    return text > held_text
  end
  return (tonumber(rank) > tonumber(held_rank)) == (string.sub(name, 1, 1) == '+')
end

local function keep(name, rank, text)
  local held = known[name]
  if held and not wins(name, rank, text, held) or not held and #order >= max then
    return
  end
  if not held then
    order[#order + 1] = name
  end
  known[name] = rank .. ' ' .. text
  changes[#changes + 1] = name
  changes[#changes + 1] = known[name]
end

local fields = call('HGETALL', facts)
for i = 1, #fields, 2 do
  order[#order + 1] = fields[i]
  known[fields[i]] = fields[i + 1]
end
for i = 3, #ARGV, 3 do
  keep(ARGV[i], ARGV[i + 1], ARGV[i + 2])
end
if #changes > 0 then
  call('HDEL', facts, '') -- allowed over maxmemory, and so is what follows: it must not stop settling
  call('HSET', facts, unpack(changes))
  call('PEXPIRE', facts, life_ms)
end
local all = {}
for _, name in ipairs(order) do
  all[#all + 1] = name
  all[#all + 1] = known[name]
end
return all
