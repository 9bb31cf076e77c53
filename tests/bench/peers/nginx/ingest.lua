-- The nginx peer: a script call for each request remembers the event's SID and appends the body to
-- a stream when it is new. Connections to Redis are pooled.
local redis = require("nginx.redis")

local FIELDS_MAX = 200
local REDIS_TIMEOUT_MS = 2000
local IDLE_MS, POOL = 60000, 64
local ACCEPT = [[
if redis.call('SET', KEYS[2], '1', 'NX', 'EX', 86400) then
  redis.call('XADD', KEYS[1], '*', 'event', ARGV[1])
  return 1
end
return 0]]

local socket = "unix:" .. os.getenv("REDIS_SOCKET")
local token, public_url = os.getenv("TWILIO_AUTH_TOKEN"), os.getenv("PUBLIC_URL")
local sha

local function signature_of(form)
  local names = {}
  for name in pairs(form) do
    names[#names + 1] = name
  end
  table.sort(names)
  local text = { public_url, ngx.var.request_uri }
  for _, name in ipairs(names) do
    local values = form[name]
    for _, value in ipairs(type(values) == "table" and values or { values }) do
      text[#text + 1] = name
      text[#text + 1] = value
    end
  end
  return ngx.encode_base64(ngx.hmac_sha1(token, table.concat(text)))
end

local function store(sid, body)
  local connection = redis:new()
  connection:set_timeout(REDIS_TIMEOUT_MS)
  local ok, err = connection:connect(socket)
  if not ok then
    return nil, err
  end
  if not sha then
    sha, err = connection:script("LOAD", ACCEPT)
    if not sha then
      return nil, err
    end
  end
  ok, err = connection:evalsha(sha, 2, "events", "seen:" .. sid, body)
  if ok then
    connection:set_keepalive(IDLE_MS, POOL)
  end
  return ok, err
end

local function handle()
  ngx.req.read_body()
  local form = ngx.req.get_post_args(FIELDS_MAX)
  if signature_of(form) ~= ngx.var.http_x_twilio_signature then
    return ngx.exit(ngx.HTTP_FORBIDDEN)
  end
  local ok, err = store(form.Sid, ngx.req.get_body_data())
  if not ok then
    ngx.log(ngx.ERR, err)
    return ngx.exit(ngx.HTTP_SERVICE_UNAVAILABLE)
  end
  return ngx.exit(ngx.HTTP_NO_CONTENT)
end

return { handle = handle }
