-- Holds gave up these seats (released, expired, unbooked): deletes what is still theirs.
-- KEYS: for each hold its end mark, then its seats. ARGV: milliseconds an end mark lives, then for each hold its id and how
-- many seats are its.
-- Hold ids are never used twice, so a repeated or late call cannot touch a newer hold.
local last = 0
for ended = 2, #ARGV, 2 do
  local suffix = ':' .. ARGV[ended]
  local mark = last + 1
  last = mark + tonumber(ARGV[ended + 1])
  redis.call('SET', KEYS[mark], '1', 'PX', ARGV[1])
  for i = mark + 1, last do
    local value = redis.call('GET', KEYS[i])
    if value and value:sub(-#suffix) == suffix then redis.call('DEL', KEYS[i]) end
  end
end
return false
