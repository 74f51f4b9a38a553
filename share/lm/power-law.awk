# Fits L(x) = E + A x^-a, E >= 0, to lines "x L", by least squares of log L. Prints one line, tab-separated: a, E, A, the root of
# the mean squared residual of log L, and the least and greatest a and E with one point left out; then a line
# "x L fitted residual" for each point, where residual = log(L / fitted).
#
# For a given E, the other two are found by Gauss-Newton steps, damped (Marquardt 1963) and from the line through log(L - E);
# E itself by a grid below the least L and golden sections around the grid's best. So a poor start cannot mislead it, and E
# never leaves its range. Fewer than three points have no such fit: exit 1.

# Returns the sum of squared residuals at log A = b (for centred log x), exponent a and floor E.
function cost(E, b, a,  i, r, sum) {
  for (i = 1; i <= n; i++) {
    if (i == left_out) continue
    r = log(E + exp(b - a * u[i])) - y[i]
    sum += r * r
  }
  return sum
}

# Finds the best b and a at a given E, in best_b and best_a; returns their cost.
function fit_line(E,  i, w, m, su, sz, suu, suz, b, a, now, next_cost, damping, power, total, r, jb, ja, bb, ba, aa, gb, ga,
                  det, db, da, k) {
  for (i = 1; i <= n; i++) {
    if (i == left_out) continue
    w = log(exp(y[i]) - E)
    m++; su += u[i]; sz += w; suu += u[i] * u[i]; suz += u[i] * w
  }
  a = -(m * suz - su * sz) / (m * suu - su * su)
  b = (sz + a * su) / m
  now = cost(E, b, a)
  damping = 1e-3
  for (k = 0; k < 200 && damping < 1e12; k++) {
    bb = ba = aa = gb = ga = 0
    for (i = 1; i <= n; i++) {
      if (i == left_out) continue
      power = exp(b - a * u[i])
      total = E + power
      r = log(total) - y[i]
      jb = power / total
      ja = -u[i] * jb
      bb += jb * jb; ba += jb * ja; aa += ja * ja; gb += jb * r; ga += ja * r
    }
    det = bb * aa * (1 + damping) * (1 + damping) - ba * ba
    if (det <= 0) { damping *= 10; continue }
    db = -(gb * aa * (1 + damping) - ga * ba) / det
    da = -(ga * bb * (1 + damping) - gb * ba) / det
    next_cost = cost(E, b + db, a + da)
    if (next_cost < now) {
      b += db; a += da
      damping /= 10
      if (now - next_cost <= 1e-15 * now) break
      now = next_cost
    } else damping *= 10
  }
  best_b = b; best_a = a
  return cost(E, b, a)
}

# Finds the best E, in best_E, with best_b and best_a.
function fit(  i, least, grid, now, best, at, low, high, c, d, cost_c, cost_d, ratio) {
  least = 1e300
  for (i = 1; i <= n; i++) if (i != left_out && exp(y[i]) < least) least = exp(y[i])
  grid = 64
  for (i = 0; i < grid; i++) {
    now = fit_line(least * i / grid)
    if (i == 0 || now < best) { best = now; at = i }
  }
  low = least * (at > 0 ? at - 1 : 0) / grid
  high = least * (at + 1) / grid * (at + 1 < grid ? 1 : 1 - 1e-9)
  ratio = (sqrt(5) - 1) / 2
  c = high - ratio * (high - low); d = low + ratio * (high - low)
  cost_c = fit_line(c); cost_d = fit_line(d)
  for (i = 0; i < 60; i++) {
    if (cost_c < cost_d) { high = d; d = c; cost_d = cost_c; c = high - ratio * (high - low); cost_c = fit_line(c) }
    else { low = c; c = d; cost_c = cost_d; d = low + ratio * (high - low); cost_d = fit_line(d) }
  }
  best_E = (low + high) / 2
  # Golden sections end beside a border, never on it.
  if (fit_line(0) <= fit_line(best_E) * (1 + 1e-9) || best_E < 1e-9 * least) best_E = 0
  fit_line(best_E)
}

NF >= 2 {
  if ($1 + 0 <= 0 || $2 + 0 <= 0) { print "power-law: line " NR ": not two positive numbers" | "cat >&2"; bad = 1; exit 1 }
  n++
  x[n] = $1 + 0; u[n] = log(x[n]); y[n] = log($2 + 0)
  mean += u[n]
}

END {
  if (bad) exit 1
  for (i = 1; i <= n; i++) different[x[i]] = 1
  for (i in different) count++
  if (count < 3) { print "power-law: " count + 0 " different x; three or more determine a law" | "cat >&2"; exit 1 }
  mean /= n
  for (i = 1; i <= n; i++) u[i] -= mean
  if (count > 3) {
    for (left_out = 1; left_out <= n; left_out++) {
      fit()
      if (left_out == 1 || best_a < a_low) a_low = best_a
      if (left_out == 1 || best_a > a_high) a_high = best_a
      if (left_out == 1 || best_E < E_low) E_low = best_E
      if (left_out == 1 || best_E > E_high) E_high = best_E
    }
  } else a_low = a_high = E_low = E_high = "-"
  left_out = 0
  fit()
  squares = cost(best_E, best_b, best_a)
  printf "%.6g\t%.6g\t%.6g\t%.6g\t%s\t%s\t%s\t%s\n", best_a, best_E, exp(best_b + best_a * mean), sqrt(squares / n), a_low, a_high, E_low, E_high
  for (i = 1; i <= n; i++) {
    fitted = best_E + exp(best_b - best_a * u[i])
    printf "%.10g\t%.6f\t%.6f\t%.6f\n", x[i], exp(y[i]), fitted, y[i] - log(fitted)
  }
}
