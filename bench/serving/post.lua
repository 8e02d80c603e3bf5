-- wrk -s post.lua URL -- HEADER... -- BODY...: headers as `Name: value`, bodies as files that take turns.
local prepared, last = {}, 0

function init(args)
  local headers, at = {}, 1
  while args[at] ~= "--" do
    local name, value = args[at]:match("^(.-): (.*)$")
    headers[name] = value
    at = at + 1
  end
  for index = at + 1, #args do
    local file = assert(io.open(args[index], "rb"))
    prepared[#prepared + 1] = wrk.format("POST", nil, headers, file:read("*a"))
    file:close()
  end
end

function request()
  last = last % #prepared + 1
  return prepared[last]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
