-- A hold gave up these seats (released, expired, unbooked): deletes what is still this hold's.
-- KEYS: the hold's end mark, then the seats. ARGV: hold id, milliseconds the end mark lives.
-- Hold ids are never used twice, so a repeated or late call cannot touch a newer hold.
local suffix = ':' .. ARGV[1]
redis.call('SET', KEYS[1], '1', 'PX', ARGV[2])
for i = 2, #KEYS do
  local value = redis.call('GET', KEYS[i])
  if value and value:sub(-#suffix) == suffix then redis.call('DEL', KEYS[i]) end
end
return false
