-- facts.lua - what is known of one subject: facts that may come late, twice and in any order.
--
-- KEYS  facts, items
-- ARGV  life in ms, facts max, fields of items max, then for each fact: name, rank, text
-- Returns everything known then: {name, value, ...}.
--
-- A value is "<rank> <text>". A name begins with its rule: '+' keeps the higher rank, '-' the
-- lower; of equal ranks the greater text is kept; '!' keeps the first. Items, '#<tally>/<names>' and
-- '$<tally>/<names>', are kept as '-', but apart, and among the facts only their totals are:
-- '#<tally>=<text>' and '$<tally>'. What changes nothing is not written.
--
-- In items: under a name the number of its item; under '|<number>' the number of the item that one
-- has become one with; under '|<number><tally>' what was told of it; under '|' the last number given.
local call, match, sub, format = redis.call, string.match, string.sub, string.format
local facts, items = KEYS[1], KEYS[2]
local life_ms, facts_max, fields_max = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local FIRST = 4 -- of the facts told
local known, order, size = {}, {}, 0 -- by name: its value, false where it is no more; all names
local changed, is_writing = {}, false

-- The first is allowed over maxmemory, and so is what follows: it must not stop settling.
local function write(...)
  if not is_writing then
    is_writing = true
    call('HDEL', facts, '')
  end
  return call(...)
end

-- Byte by byte: how Lua compares texts depends on where Redis was started.
local function is_greater_text(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then
      return x > y
    end
  end
  return #a > #b
end

-- Numbers of 64 bits, which Lua's are not.
local function is_greater_rank(a, b)
  local x, y = tonumber(a), tonumber(b)
  if x ~= y then
    return x > y
  end
  return (#a > #b or #a == #b and is_greater_text(a, b)) == (x > 0)
end

local function split(value)
  return match(value, '^(%-?%d+) (.*)$')
end

local function wins(rule, rank, text, held)
  local held_rank, held_text = split(held)
  if not held_rank or rule == '!' then
    return not held_rank
  end
  if rank == held_rank then
    return is_greater_text(text, held_text)
  end
  return is_greater_rank(rank, held_rank) == (rule == '+')
end

local function change(name, value)
  if known[name] == nil then
    order[#order + 1] = name
  end
  size = size + (value and 1 or 0) - (known[name] and 1 or 0)
  known[name], changed[name] = value, true
end

local function has_room(name)
  return known[name] or size < facts_max
end

local function keep(rule, name, rank, text)
  local held = known[name]
  if has_room(name) and not (held and not wins(rule, rank, text, held)) then
    change(name, rank .. ' ' .. text)
  end
end

-- ---- items --------------------------------------------------------------------------------------

local function is_sum(tally)
  return sub(tally, 1, 1) == '$'
end

local function total_of(tally, text)
  return is_sum(tally) and tally or tally .. '=' .. text
end

-- Into its total, or with the sign -1 out of it.
local function count(tally, text, sign)
  local name = total_of(tally, text)
  local number, sum = split(known[name] or '0 ')
  number, sum = (number or 0) + sign, sum or ''
  if is_sum(tally) then
    sum = format('%.0f', (tonumber(sum) or 0) + sign * (tonumber(text) or 0))
  end
  change(name, number > 0 and number .. ' ' .. sum)
end

local function tell_item(item, tally, rank, text)
  local field = '|' .. item .. tally
  local held = call('HGET', items, field)
  if held and not wins('-', rank, text, held) or not has_room(total_of(tally, text)) then
    return
  end
  local _, held_text = split(held or '')
  if held_text then
    count(tally, held_text, -1)
  end
  write('HSET', items, field, rank .. ' ' .. text)
  count(tally, text, 1)
end

-- Those an item may be in have totals.
local function tallies()
  local found, all = {}, {}
  for _, name in ipairs(order) do
    local tally = known[name] and match(name, '^[#$][^=]*')
    if tally and not found[tally] then
      found[tally] = true
      all[#all + 1] = tally
    end
  end
  return all
end

local function join(item, into)
  for _, tally in ipairs(tallies()) do
    local field = '|' .. item .. tally
    local rank, text = split(call('HGET', items, field) or '')
    if rank then
      write('HDEL', items, field)
      count(tally, text, -1)
      tell_item(into, tally, rank, text)
    end
  end
  write('HSET', items, '|' .. item, into)
end

-- The item a number stands for by now.
local function follow(item)
  local into = call('HGET', items, '|' .. item)
  while into do
    item = into
    into = call('HGET', items, '|' .. item)
  end
  return item
end

-- All that have one of the names are one item from now on.
local function item_of(names)
  local held = call('HMGET', items, unpack(names))
  local item
  for i = 1, #names do
    local other = held[i] and (held[i] == item and item or follow(held[i]))
    if item and other and other ~= item then
      join(other, item)
    end
    item = item or other
  end
  item = item or tostring(write('HINCRBY', items, '|', 1))
  for i, name in ipairs(names) do
    if held[i] ~= item then
      write('HSET', items, name, item)
    end
  end
  return item
end

local function keep_item(name, rank, text)
  local tally, all = match(name, '^(.[^/=]+)/(.*)$')
  local names = {}
  for one in string.gmatch(all or '', '[^|]+') do
    names[#names + 1] = one
  end
  if #names > 0 and call('HLEN', items) < fields_max then
    tell_item(item_of(names), tally, rank, text)
  end
end

-- ---- the call -----------------------------------------------------------------------------------

local function write_changes()
  local sets = {}
  for name in pairs(changed) do
    if known[name] then
      sets[#sets + 1] = name
      sets[#sets + 1] = known[name]
    else
      write('HDEL', facts, name)
    end
  end
  if #sets > 0 then
    write('HSET', facts, unpack(sets))
  end
end

-- What is told again and again lives on, without a write each time.
local function must_prolong()
  local left_ms = call('PTTL', facts)
  return left_ms >= 0 and (left_ms < life_ms / 8 * 7 or left_ms > life_ms)
end

-- Both end at once.
local function keep_alive()
  if is_writing or must_prolong() then
    local time = call('TIME')
    local ends = format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) + life_ms)
    write('PEXPIREAT', facts, ends)
    write('PEXPIREAT', items, ends)
  end
end

local fields = call('HGETALL', facts)
for i = 1, #fields, 2 do
  size = size + 1
  order[size], known[fields[i]] = fields[i], fields[i + 1]
end
if #fields == 0 and #ARGV >= FIRST then
  call('UNLINK', items) -- of no use any more, when the facts are gone
end
for i = FIRST, #ARGV, 3 do
  local rule = sub(ARGV[i], 1, 1)
  if rule == '#' or rule == '$' then
    keep_item(ARGV[i], ARGV[i + 1], ARGV[i + 2])
  else
    keep(rule, ARGV[i], ARGV[i + 1], ARGV[i + 2])
  end
end
if #ARGV >= FIRST then
  write_changes()
  keep_alive()
end
local all = {}
for _, name in ipairs(order) do
  if known[name] then
    all[#all + 1] = name
    all[#all + 1] = known[name]
  end
end
return all
