-- witness.lua - what one witness sees of a partition. Leaves its mark where all is still there.
--
-- KEYS  stats, stream, delayed, parked, witnesses
-- ARGV  name of the witness, the mark it left last (0: none), how many witnesses are remembered,
--       whether to leave a mark (1)
-- Returns accepted, unsettled, whether the partition went back (1), and the mark that is there now.
--
-- A mark is the count of accepted events the witness saw. It is written behind them, so a Redis
-- that has the mark has them, and one that has lost any of them has lost the mark.
local call = redis.call
local stats, stream, delayed, parked, witnesses = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local name, known, keep = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local accepted = tonumber(call('HGET', stats, 'accepted') or 0)
local unsettled = call('XLEN', stream) + call('ZCARD', delayed) + call('ZCARD', parked)
local mark = tonumber(call('ZSCORE', witnesses, name) or 0)
-- Of many witnesses the longest silent is forgotten: its missing mark proves nothing.
local forgotten = mark == 0 and call('ZCARD', witnesses) >= keep and accepted >= known
local went_back = mark < known and not forgotten

-- Over maxmemory, or on a replica, there is no mark to be made: the old one stays.
if ARGV[4] == '1' and not went_back and accepted > mark then
  local made = redis.pcall('ZADD', witnesses, 'GT', accepted, name)
  if not (type(made) == 'table' and made.err) then
    mark = accepted
    call('ZREMRANGEBYRANK', witnesses, 0, -keep - 1)
  end
end
return {accepted, unsettled, went_back and 1 or 0, mark}
