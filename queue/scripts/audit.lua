-- audit.lua - looks at a piece of one partition. Changes nothing unless asked to repair, and then
-- only puts back what is missing where a record says that it is.
--
-- KEYS  stream, delayed, parked, lost
-- ARGV  what to look through, group, prefix of records, cursor ('': from the beginning), how many,
--       repair (1), then the keys of suspects
-- Returns the next cursor, 1 at the end, what was met, and findings {name, key, repaired (1), ...}.
-- Met are: of entries and orphans the keys in the stream, of records {key, state, why, when, ...}: the
-- reason of one that is filtered, parked or delayed, and when a delayed one is due, 0 at no time.
local SHELF = 1e14 -- settle.lua's: a score from it on is no time
local call = redis.call
local stream, delayed, parked, lost = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local what, group, prefix, cursor, count = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local repair = ARGV[6] == '1'
local met, findings = {}, {}
local settled = {delivered = true, filtered = true, dropped = true}
local sets = {delayed = delayed, parked = parked}
local streamed = {pending = true, claimed = true}
local reasoned = {filtered = true, delayed = true, parked = true} -- of others it is of the past

local function found(name, key, repaired)
  findings[#findings + 1] = name
  findings[#findings + 1] = key
  findings[#findings + 1] = repaired and 1 or 0
end

local function now_ms()
  local time = call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function key_in(fields)
  for i = 1, #fields, 2 do
    if fields[i] == 'k' then
      return fields[i + 1]
    end
  end
end

-- '' of a record that has none; nil where no record is.
local function state_of(key)
  local state = redis.pcall('HGET', prefix .. key, 's')
  if type(state) == 'table' then
    return ''
  end
  return state or (call('EXISTS', prefix .. key) == 1 and '' or nil)
end

local function entries_after(id)
  return call('XRANGE', stream, id == '' and '-' or '(' .. id, '+', 'COUNT', count)
end

local function is_after(id, other)
  local a_ms, a_seq = string.match(id, '^(%d+)-(%d+)$')
  local b_ms, b_seq = string.match(other, '^(%d+)-(%d+)$')
  a_ms, b_ms = tonumber(a_ms), tonumber(b_ms)
  return a_ms > b_ms or (a_ms == b_ms and tonumber(a_seq) > tonumber(b_seq))
end

-- The last entry the group was given; nil when there is no group.
local function last_given()
  local groups = redis.pcall('XINFO', 'GROUPS', stream)
  for _, fields in ipairs(groups.err and {} or groups) do
    local info = {}
    for i = 1, #fields, 2 do
      info[fields[i]] = fields[i + 1]
    end
    if info.name == group then
      return info['last-delivered-id']
    end
  end
end

local function add_entry(key)
  call('XADD', stream, '*', 'k', key)
end

-- An entry behind the group's last one that nobody has pending is given to nobody any more.
local function check_given(id, key, given)
  if not given or is_after(id, given) or #call('XPENDING', stream, group, id, id, 1) > 0 then
    return
  end
  if repair then
    call('XDEL', stream, id)
    add_entry(key)
  end
  found('entry_skipped', key, repair)
end

local function check_entry(id, key, given)
  local state = key and state_of(key)
  if not key then
    found('entry_foreign', id)
  elseif not state then
    found('entry_without_record', key)
  elseif settled[state] or sets[state] then
    found('entry_of_' .. state, key)
  else
    check_given(id, key, given)
  end
end

local look = {}

function look.entries()
  local given = last_given()
  local entries = entries_after(cursor)
  for _, entry in ipairs(entries) do
    local key = key_in(entry[2])
    met[#met + 1] = key
    check_entry(entry[1], key, given)
    cursor = entry[1]
  end
  return #entries < count
end

local function has_bytes(key)
  for _, field in ipairs(call('HKEYS', prefix .. key)) do
    if string.sub(field, 1, 2) == 'r:' then
      return true
    end
  end
end

local function check_record(key, state)
  if not (settled[state] or sets[state] or streamed[state]) then
    return found('record_unreadable', key)
  end
  local lives_ms = call('PTTL', prefix .. key)
  if settled[state] then
    return lives_ms == -1 and found('tombstone_stays', key)
  end
  if lives_ms ~= -1 then
    found('record_expires', key)
  end
  if not has_bytes(key) then
    found('record_empty', key)
  end
  if sets[state] and not call('ZSCORE', sets[state], key) then
    if repair then
      call('ZADD', sets[state], now_ms(), key)
    end
    found(state .. '_nowhere', key, repair)
  end
end

local function reason_of(key, state)
  return reasoned[state] and call('HGET', prefix .. key, 'e') or ''
end

local function due_of(key, state)
  local due = state == 'delayed' and tonumber(call('ZSCORE', delayed, key) or 0) or 0
  return due < SHELF and due or 0
end

-- Keys may come twice while Redis resizes its table.
function look.records()
  local reply = call('SCAN', cursor == '' and '0' or cursor, 'MATCH', prefix .. '*', 'COUNT', count)
  cursor = reply[1]
  for _, record in ipairs(reply[2]) do
    local key = string.sub(record, #prefix + 1)
    local state = state_of(key)
    if state then
      met[#met + 1] = key
      met[#met + 1] = state
      met[#met + 1] = reason_of(key, state)
      met[#met + 1] = due_of(key, state)
      check_record(key, state)
    end
  end
  return cursor == '0'
end

local function look_in_set(name)
  local reply = call('ZSCAN', sets[name], cursor == '' and '0' or cursor, 'COUNT', count)
  cursor = reply[1]
  for i = 1, #reply[2], 2 do
    local state = state_of(reply[2][i])
    if not state then
      found(name .. '_without_record', reply[2][i])
    elseif state ~= name then
      found(name .. '_elsewhere', reply[2][i])
    end
  end
  return cursor == '0'
end

function look.delayed()
  return look_in_set('delayed')
end

function look.parked()
  return look_in_set('parked')
end

function look.claims()
  if not last_given() then
    if call('EXISTS', stream) == 1 then
      found('no_group', group)
    end
    return true
  end
  local claims = call('XPENDING', stream, group, cursor == '' and '-' or '(' .. cursor, '+', count)
  for _, claim in ipairs(claims) do
    if #call('XRANGE', stream, claim[1], claim[1]) == 0 then
      found('claim_without_entry', claim[1])
    end
    cursor = claim[1]
  end
  return #claims < count
end

function look.lost()
  local from = tonumber(cursor) or 0
  local members = call('ZRANGE', lost, from, from + count - 1)
  for _, member in ipairs(members) do
    found('lost_before', member)
  end
  cursor = tostring(from + #members)
  return #members < count
end

-- Suspects have no entry up to the cursor. Only where the rest of the stream is seen in this very
-- call is there a verdict.
function look.orphans()
  local seen = {}
  local entries = entries_after(cursor)
  for _, entry in ipairs(entries) do
    local key = key_in(entry[2])
    met[#met + 1] = key
    seen[key or ''] = true
    cursor = entry[1]
  end
  if #entries == count then
    return false
  end
  for i = 7, #ARGV do
    local key = ARGV[i]
    if not seen[key] and streamed[state_of(key)] then
      if repair then
        call('HDEL', prefix .. key, 'k')
        call('HSET', prefix .. key, 's', 'pending')
        add_entry(key)
      end
      found('record_nowhere', key, repair)
    end
  end
  return true
end

local at_end = look[what]()
return {cursor, at_end and 1 or 0, met, findings}
