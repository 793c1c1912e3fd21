-- Takes the organiser's mark away. KEYS: the seats.
for _, key in ipairs(KEYS) do
  if redis.call('GET', key) == 'blocked' then redis.call('DEL', key) end
end
return false
