-- Claims seats for one request: all or none.
-- KEYS: the seats. ARGV: owner, milliseconds the claim lives.
-- Returns nothing when claimed, else {index, value, milliseconds left} for every seat that is taken.
local claim = 'claim:' .. ARGV[1]
local own_hold = 'hold:' .. ARGV[1] .. ':'
local values = redis.call('MGET', unpack(KEYS))
local taken = {}
for i, value in ipairs(values) do
  -- The same request again is never refused by its own claim or hold.
  local own = value == claim or (value and value:sub(1, #own_hold) == own_hold)
  if value and not own then
    local left = redis.call('PTTL', KEYS[i])
    -- Nothing here is written without an end. What has none is not ours, and would refuse the seat for ever.
    if left == -1 then
      values[i] = false
    else
      taken[#taken + 1] = {i, value, left}
    end
  end
end
if #taken > 0 then
  return taken
end
for i, value in ipairs(values) do
  -- An own hold keeps its deadline; a shorter life would forget the seat too early.
  if not value or value == claim then
    redis.call('SET', KEYS[i], claim, 'PX', ARGV[2])
  end
end
return false
