-- wrk's script for bench/claims.py: every request claims another device, in the order of the file of requests.
-- Lines: path, key, token, separated by tabs.
local requests = {}
local position = 0
local head = {["Content-Type"] = "application/json"}

function init(arguments)
  for line in io.lines(arguments[1]) do
    local path, key, token = line:match("([^\t]+)\t([^\t]+)\t([^\t]+)")
    head["X-Authorization"] = "Bearer " .. token
    requests[#requests + 1] = wrk.format("POST", path, head, '{"secretKey":"' .. key .. '"}')
  end
end

function request()
  position = position + 1
  return requests[(position - 1) % #requests + 1]
end

function done(summary, latency, _)
  io.write(string.format("RESULT %d %d %d %.0f %.0f %.0f %d\n", summary.requests, summary.duration,
    summary.errors.status + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9), latency.max))
end
