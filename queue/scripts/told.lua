-- told.lua - what was told of a subject, so that it can be told of another. Changes nothing.
--
-- KEYS  facts, items (as facts.lua has them)
-- ARGV  the number of the first item, how many, the longest name in bytes
-- Returns the number of the next item ('': none), then of each fact and item: name, value. Facts come
--       with item 1. An item of more names than one name has room for comes as several, each of which
--       shares a name with the one before.
local call, match, sub = redis.call, string.match, string.sub
local facts, items = KEYS[1], KEYS[2]
local first, longest = tonumber(ARGV[1]), tonumber(ARGV[3])
local last = first + tonumber(ARGV[2]) - 1
local said = {''}

local function say(name, value)
  said[#said + 1] = name
  said[#said + 1] = value
end

-- Fields of items, sorted out: names by their item's number, what was told of it, what it became one with.
local names, told, joined = {}, {}, {}

local function sort_out(field, value)
  local number, tally = match(field, '^|(%d+)(.*)$')
  if not number and field ~= '|' then
    names[#names + 1] = {field, value}
  elseif number and tally == '' then
    joined[number] = value
  elseif number and tonumber(number) >= first and tonumber(number) <= last then
    told[#told + 1] = {number, tally, value}
  end
end

local function say_item(tally, of_item, value)
  local name = ''
  for i, one in ipairs(of_item) do
    if name ~= '' and #tally + 1 + #name + 1 + #one > longest then
      say(tally .. '/' .. name, value)
      name = of_item[i - 1]
    end
    name = name == '' and one or name .. '|' .. one
  end
  say(tally .. '/' .. name, value)
end

local held = first == 1 and call('HGETALL', facts) or {}
for i = 1, #held, 2 do
  say(held[i], held[i + 1])
end
held = call('HGETALL', items)
for i = 1, #held, 2 do
  sort_out(held[i], held[i + 1])
end
local by_item = {}
for _, name in ipairs(names) do
  local number = name[2]
  while joined[number] do
    number = joined[number]
  end
  by_item[number] = by_item[number] or {}
  table.insert(by_item[number], name[1])
end
for _, one in ipairs(told) do
  say_item(one[2], by_item[one[1]] or {}, one[3])
end
if last < tonumber(call('HGET', items, '|') or 0) then
  said[1] = string.format('%.0f', last + 1)
end
return said
