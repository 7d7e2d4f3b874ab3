-- What wrk sends and how it reports. The request is fixed before the run, so that wrk itself stays cheap.
--   WRK_METHOD, WRK_BODY_BYTES   the request
--   WRK_KEYS                     ?k= with one of so many numbers, drawn for each request
--   WRK_KEYS_FROM                ... or, from this one on, one after the other
--   WRK_STOP_AFTER               end after so many responses instead of after the whole duration

wrk.method = os.getenv("WRK_METHOD") or "GET"

local body_bytes = tonumber(os.getenv("WRK_BODY_BYTES") or "0")
if body_bytes > 0 then
    wrk.body = string.rep("x", body_bytes)
end

local keys = tonumber(os.getenv("WRK_KEYS") or "0")
if keys > 0 then
    local from = tonumber(os.getenv("WRK_KEYS_FROM") or "")
    local next, before, behind = (from or 0) - 1, "", ""
    function init(arguments)
        local whole = wrk.format(nil, wrk.path .. "?k=%KEY%")
        before, behind = whole:match("^(.-)%%KEY%%(.*)$")
    end
    function request()
        next = from and (next + 1) % keys or math.random(0, keys - 1)
        return before .. string.format("%07d", next) .. behind
    end
end

local stop_after = tonumber(os.getenv("WRK_STOP_AFTER") or "0")
if stop_after > 0 then
    local seen = 0
    function response()
        seen = seen + 1
        if seen == stop_after then
            wrk.thread:stop()
        end
    end
end

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        '\nresult {"requests": %d, "seconds": %.6f, "p50_us": %d, "p99_us": %d, "bytes": %d, ' ..
        '"failed": %d, "refused": %d}\n',
        summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99), summary.bytes,
        errors.connect + errors.read + errors.write + errors.timeout, errors.status))
end
