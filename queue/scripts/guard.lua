-- guard.lua - stands in front of every script: it runs whole, or not at all.
--
-- While a cluster moves a slot to another node, commands on keys that are not here any more, or not
-- yet there, fail one by one, and a script that has written would be left in its middle. For a key
-- that never exists they all do.
if type(redis.pcall('PTTL', (string.gsub(KEYS[1], '}:.*', '}:')))) == 'table' then
  return redis.error_reply('TRYAGAIN this slot is on its way to another node')
end
