-- Posts holds. Arguments: file of tokens (one a line), run id, path, number of threads, first seat,
-- "fresh" (another seat each time), "same" (one seat for all) or "bare" (an empty body object).
local started = 0

function setup(thread)
  thread:set("thread_id", started)
  started = started + 1
end

local tokens, run, path, threads, first, mode = {}, "", "", 1, 0, ""
local sent = 0

function init(args)
  for token in io.lines(args[1]) do tokens[#tokens + 1] = token end
  run, path, threads, first, mode = args[2], args[3], tonumber(args[4]), tonumber(args[5]), args[6]
end

function request()
  local nth = thread_id + threads * sent
  sent = sent + 1
  local body = "{}"
  if mode == "fresh" then body = '{"seats":["S' .. (first + nth) .. '"]}' end
  if mode == "same" then body = '{"seats":["S' .. first .. '"]}' end
  return "POST " .. path .. " HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nAuthorization: Bearer " ..
    tokens[nth % #tokens + 1] .. "\r\nIdempotency-Key: " .. run .. "-" .. nth .. "\r\nContent-Length: " .. #body ..
    "\r\n\r\n" .. body
end

function done(summary, latency)
  io.write(string.format(
    '\nRESULT {"requests":%d,"seconds":%f,"refused":%d,"failed":%d,"p50Ms":%f,"p99Ms":%f}\n',
    summary.requests, summary.duration / 1e6, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
