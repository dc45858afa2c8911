-- What wrk sends: GETs or PUTs of random keys, several at a time.
--   wrk ... -s load.lua URL -- METHOD TOGETHER KEYS VALUE_BYTES [KEY_FILE]
-- Keys are "key:" and a number of twelve digits below KEYS, or lines of KEY_FILE. The requests are made before the
-- measurement begins, so that making them takes nothing away from it. With wrk -H 'Connection: close' they say so.
local requests, last = {}, 0

local function some_key(keys, listed)
  if listed then return listed[math.random(#listed)] end
  return string.format("key:%012d", math.random(keys) - 1)
end

local function lines_of(path)
  local lines = {}
  for line in io.lines(path) do lines[#lines + 1] = line end
  return lines
end

init = function(args)
  local method, together, keys, value = args[1], tonumber(args[2]), tonumber(args[3]), string.rep("v", tonumber(args[4]))
  local listed = args[5] and lines_of(args[5])
  local tail = " HTTP/1.1\r\nHost: localhost\r\n"
  if wrk.headers["Connection"] then tail = tail .. "Connection: " .. wrk.headers["Connection"] .. "\r\n" end
  tail = tail .. (method == "PUT" and "Content-Length: " .. #value .. "\r\n\r\n" .. value or "\r\n")
  math.randomseed(os.time())
  for number = 1, math.floor(400000 / together) do
    local batch = {}
    for i = 1, together do batch[i] = method .. " /db/" .. some_key(keys, listed) .. tail end
    requests[number] = table.concat(batch)
  end
end

request = function()
  last = last % #requests + 1
  return requests[last]
end
