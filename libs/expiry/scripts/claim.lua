-- One worker takes a timer for a while: its entry in the index of pending timers moves ahead, so that the others leave it
-- alone, and comes up again by itself if the worker dies with it.
-- KEYS: the index. ARGV: the timer, the latest deadline that may be taken now, and until when it is taken.
-- Answers 1 when taken; 0 when another worker has it, or when it is finished.
local deadline = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not deadline or tonumber(deadline) > tonumber(ARGV[2]) then
  return 0
end
redis.call('ZADD', KEYS[1], 'XX', ARGV[3], ARGV[1])
return 1
