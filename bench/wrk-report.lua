-- Prints what wrk measured as one line of JSON, after its own text.
done = function(summary, latency)
  io.write(string.format(
    '\n{"requests":%d,"durationUs":%d,"failed":%d,"refused":%d,"p50Us":%d,"p99Us":%d}\n',
    summary.requests, summary.duration,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    summary.errors.status, latency:percentile(50), latency:percentile(99)
  ))
end
