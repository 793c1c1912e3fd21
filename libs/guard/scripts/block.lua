-- Marks seats the organiser keeps back. KEYS: the seats. ARGV: milliseconds the mark lives.
for _, key in ipairs(KEYS) do
  redis.call('SET', key, 'blocked', 'PX', ARGV[1], 'NX')
end
return false
