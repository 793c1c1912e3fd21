-- After commit: turns the claim of a hold's seats into the hold, until its deadline.
-- KEYS: the hold's end mark, then the seats. ARGV: owner, hold id, milliseconds until the deadline.
local claim = 'claim:' .. ARGV[1]
local hold = 'hold:' .. ARGV[1] .. ':' .. ARGV[2]
local ms = tonumber(ARGV[3])
-- A hold that ended meanwhile must not come back: a release may overtake its own confirmation.
local over = ms <= 0 or redis.call('EXISTS', KEYS[1]) == 1
for i = 2, #KEYS do
  local value = redis.call('GET', KEYS[i])
  if over then
    if value == claim then redis.call('DEL', KEYS[i]) end
  elseif not value or value == claim then
    -- Absent: the claim ran out or Redis lost its data.
    redis.call('SET', KEYS[i], hold, 'PX', ms)
  elseif value == hold and redis.call('PTTL', KEYS[i]) < ms then
    -- Deadlines only move later: an extension may overtake the confirmation.
    redis.call('PEXPIRE', KEYS[i], ms)
  end
end
return false
