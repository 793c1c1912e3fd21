-- After commit: turns the claims of holds' seats into the holds, until their deadlines.
-- KEYS: for each hold its end mark, then its seats. ARGV: for each hold its owner, its id, milliseconds until the deadline,
-- and how many seats are its.
local last = 0
for held = 1, #ARGV, 4 do
  local claim = 'claim:' .. ARGV[held]
  local hold = 'hold:' .. ARGV[held] .. ':' .. ARGV[held + 1]
  local ms = tonumber(ARGV[held + 2])
  local mark = last + 1
  last = mark + tonumber(ARGV[held + 3])
  -- A hold that ended meanwhile must not come back: a release may overtake its own confirmation.
  local over = ms <= 0 or redis.call('EXISTS', KEYS[mark]) == 1
  for i = mark + 1, last do
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
end
return false
