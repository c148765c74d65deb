# Adds up the closing lines of Node's test runner (and of suites that imitate them), such as "ℹ pass 12".
{ gsub(/\033\[[0-9;]*m/, "") }
$1 != "ℹ" || $3 !~ /^[0-9]+$/ { next }
$2 == "pass" { passed += $3 }
$2 == "fail" || $2 == "cancelled" { failed += $3 }
$2 == "skipped" || $2 == "todo" { skipped += $3 }
END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }
