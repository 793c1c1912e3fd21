#!lua
-- The line above (Redis 7) lets Redis refuse the whole script where it could not write: full, read-only, or unable to save.
-- A Redis that takes no writes has not heard which seats are free again either, and must not say no.
-- Claims seats for requests of one event, one after the other, each all or none.
-- KEYS: the seats, request by request. ARGV: milliseconds a claim lives, then for each request its owner and how many
-- seats are its.
-- Returns {index in KEYS, value, milliseconds left} for every seat that is taken; its request has claimed nothing.
local taken = {}
local last = 0
for request = 2, #ARGV, 2 do
  local claim = 'claim:' .. ARGV[request]
  local own_hold = 'hold:' .. ARGV[request] .. ':'
  local first = last + 1
  last = last + tonumber(ARGV[request + 1])
  local free = {}
  local refused = false
  for i = first, last do
    local value = redis.call('GET', KEYS[i])
    if not value or value == claim then
      free[#free + 1] = KEYS[i]
    -- The same request again is never refused by its own hold, which keeps its deadline: a shorter life would forget it.
    elseif value:sub(1, #own_hold) ~= own_hold then
      local left = redis.call('PTTL', KEYS[i])
      -- Nothing here is written without an end. What has none is not ours, and would refuse the seat for ever.
      if left == -1 then
        free[#free + 1] = KEYS[i]
      else
        refused = true
        taken[#taken + 1] = {i, value, left}
      end
    end
  end
  if not refused then
    for _, key in ipairs(free) do redis.call('SET', key, claim, 'PX', ARGV[1]) end
  end
end
return taken
