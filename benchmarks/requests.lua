-- Requests from a file, one line each: an address, or an address, a tab and an ETag. A server is asked each line once
-- before it is asked the first again; BENCH_FRESH ends every query with a comment that no query had before.
local prefix, suffix = os.getenv("BENCH_PREFIX") or "", os.getenv("BENCH_SUFFIX") or ""
local fresh, accept = os.getenv("BENCH_FRESH"), os.getenv("BENCH_ACCEPT") or "*/*"
local lines, count = {}, 0

function init()
  for line in io.lines(os.getenv("BENCH_REQUESTS")) do lines[#lines + 1] = line end
end

function request()
  local line = lines[count % #lines + 1]
  count = count + 1
  local headers = { ["Accept"] = accept }
  local tab = line:find("\t", 1, true)
  if tab then
    headers["If-None-Match"] = line:sub(tab + 1)
    line = line:sub(1, tab - 1)
  end
  if fresh then line = line .. "%20%23" .. fresh .. "-" .. count end
  return wrk.format("GET", prefix .. line .. suffix, headers)
end

function done(summary, latency)
  local wrong = summary.errors
  io.write(string.format(
    '\nRESULT {"requests": %d, "microseconds": %d, "p50": %d, "p95": %d, "p99": %d, "most": %d, "status": %d, "lost": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(95), latency:percentile(99),
    latency.max, wrong.status, wrong.connect + wrong.read + wrong.write + wrong.timeout))
end
