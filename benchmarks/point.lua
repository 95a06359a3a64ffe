-- A point query that was never asked before: a new organisation and a new comment each time.
local path, most, repeated = os.getenv("BENCH_PATH"), tonumber(os.getenv("BENCH_MOST")), os.getenv("BENCH_REPEATED")
local count, thread = 0, 0
local threads = 0
function setup(t) t:set("thread", threads); threads = threads + 1 end
function init() math.randomseed(os.time() + thread * 7919) end
function request()
  count = count + 1
  local number = repeated and 1 or math.random(0, most - 1)
  local text = "SELECT%20%3Fname%20%3Fcountry%20%7B%20%3Chttps%3A%2F%2Fw3id.org%2Fv4graph%2Fid%2Forganisation%2Fbench-"
    .. number .. "%3E%20%3Chttp%3A%2F%2Fwww.w3.org%2F2004%2F02%2Fskos%2Fcore%23prefLabel%3E%20%3Fname%20%3B%20"
    .. "%3Chttps%3A%2F%2Fw3id.org%2Fv4graph%2Fontology%23country%3E%20%3Fcountry%20%7D"
  if not repeated then text = text .. "%23" .. os.time() .. "-" .. thread .. "-" .. count end
  return wrk.format("GET", path .. "?query=" .. text, {["Accept"] = "application/sparql-results+json"})
end
