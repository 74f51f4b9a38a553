#!/usr/bin/env python3
"""Writes share/lm/probes/arithmetic.jsonl; the other probes are written by hand.

usage: make_probes.py > share/lm/probes/arithmetic.jsonl
"""
import itertools
import json
import operator
import random

WORDS = """zero one two three four five six seven eight nine ten
eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty""".split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth".split()
STORIES = [
    ("{} birds sat in a tree, and {} more came. Now the number of birds in the tree is", operator.add),
    ("Anna had {} apples and bought {} more. Now the number of her apples is", operator.add),
    ("{} people sat in a bus, and {} of them got off. Now the number of people in the bus is", operator.sub),
    ("Ben had {} coins and lost {} of them. Now the number of his coins is", operator.sub),
]
LISTS = ["cat dog cow horse pig", "cup plate knife fork spoon", "table chair bed lamp shelf", "hat coat shirt belt scarf"]


def alike(one, other):
    """Whether two results differ, and their endings hardly in length."""
    if one == other or min(one, other) <= 0 or len(str(one)) != len(str(other)):
        return False
    return max(one, other) >= len(WORDS) or abs(len(WORDS[one]) - len(WORDS[other])) <= 3


def problems(operation, firsts, seconds, gap=3):
    """(a, b, c, a op b, a op c): no result is one of the numbers, and the results lie close together."""
    found = []
    for a in firsts:
        for b, c in itertools.permutations(seconds, 2):
            one, other = operation(a, b), operation(a, c)
            if alike(one, other) and abs(one - other) <= gap and not {one, other} & {a, b, c}:
                found.append((a, b, c, one, other))
    return found


def some(candidates, count):
    """Candidates of which no two share their last two fields, the endings, while there are enough of them."""
    candidates = list(candidates)
    random.shuffle(candidates)
    chosen, rest, seen = [], [], set()
    for candidate in candidates:
        (rest if candidate[-2:] in seen else chosen).append(candidate)
        seen.add(candidate[-2:])
    return (chosen + rest)[:count]


def in_words(problem):
    return [WORDS[n] for n in problem]


def sequences(steps, terms=4):
    """(shown, shown, next, next) of two arithmetic sequences: no next number has been shown."""
    found = []
    for (a, d), (b, e) in itertools.permutations(itertools.product(range(1, 21), steps), 2):
        one, other = [a + i * d for i in range(terms + 1)], [b + i * e for i in range(terms + 1)]
        last, other_last = one.pop(), other.pop()
        shown, near = one + other, alike(last, other_last) and abs(last - other_last) <= 2
        if near and d != e and all(0 < n <= 20 for n in shown + [last, other_last]) and not {last, other_last} & set(shown):
            found.append((one, other, last, other_last))
    return found


def groups():
    """(phenomenon, context, other context, ending, other ending)"""
    for phenomenon, sign, name, operation, firsts, seconds, gap in [
        ("addition", "+", "plus", operator.add, range(2, 16), range(1, 9), 3),
        ("subtraction", "-", "minus", operator.sub, range(5, 20), range(1, 9), 3),
        ("multiplication", "*", "times", operator.mul, range(2, 10), range(2, 8), 10),
    ]:
        for a, b, c, *results in some(problems(operation, firsts, seconds, gap), 14):
            yield phenomenon, f"{a} {sign} {b} =", f"{a} {sign} {c} =", *results
        small = [p for p in problems(operation, firsts, seconds, gap) if max(p) <= 20]
        for a, b, c, *results in map(in_words, some(small, 10)):
            yield phenomenon, f"{a.capitalize()} {name} {b} is", f"{a.capitalize()} {name} {c} is", *results

    for story, operation in STORIES:
        for a, b, c, *results in map(in_words, some(problems(operation, range(4, 12), range(2, 6)), 3)):
            yield "story", story.format(a, b), story.format(a, c), *results

    for shown, other, *results in some(sequences((1, 2, 3, 5)), 10) + some(sequences((-1, -2)), 4):
        yield "sequence", *(", ".join(map(str, terms)) + "," for terms in (shown, other)), *results
    for shown, other, *results in some(sequences((1, 2)), 6):
        yield "sequence", *(", ".join(in_words(terms)).capitalize() + "," for terms in (shown, other)), *in_words(results)

    for n in random.sample([n for n in range(2, 16) if alike(n + 1, n - 1)], 6):
        contexts = (f"The whole number just {place} {WORDS[n]} is" for place in ("after", "before"))
        yield "order", *contexts, *in_words((n + 1, n - 1))
    for n in random.sample(range(1, 9), 4):
        contexts = (f"Just {place} the {ORDINALS[n]} comes the" for place in ("after", "before"))
        yield "order", *contexts, ORDINALS[n + 1], ORDINALS[n - 1]
    for n in random.sample(range(1, 25), 4):
        before, letter, after = (chr(ord("A") + i) for i in (n - 1, n, n + 1))
        contexts = (f"In the alphabet, the letter {place} {letter} is" for place in ("after", "before"))
        yield "order", *contexts, after, before

    apart = [(a, b) for a, b in itertools.permutations(range(1, 21), 2) if abs(a - b) >= 3 and alike(a, b)]
    for a, b in random.sample(apart, 6):
        contexts = (f"Of the numbers {a} and {b}, the {which} is" for which in ("larger", "smaller"))
        yield "comparison", *contexts, max(a, b), min(a, b)
    for a, b in random.sample(apart, 6):
        contexts = (f"Of the numbers {WORDS[a]} and {WORDS[b]}, the {which} is" for which in ("larger", "smaller"))
        yield "comparison", *contexts, *in_words((max(a, b), min(a, b)))
    for a, b in random.sample(apart, 6):
        contexts = (f"If x is {x} and y is {y}, then x is" for x, y in ((max(a, b), min(a, b)), (min(a, b), max(a, b))))
        yield "comparison", *contexts, "greater", "less"
    for a, b in random.sample(apart, 6):
        signs = ">" if a > b else "<", "<" if a > b else ">"
        yield "comparison", *(f"The statement {a} {sign} {b} is" for sign in signs), "true", "false"

    for n in random.sample(range(1, 50), 6):
        odd, even = (n, n + 1) if n % 2 else (n + 1, n)
        yield "parity", f"The number {odd} is", f"The number {even} is", "odd", "even"

    for name, value in ("Half of", lambda n: n // 2), ("Twice", lambda n: n * 2):
        numbers = [n for n in range(2, 20) if value(n) <= 20 and (name == "Twice" or n % 2 == 0)]
        near = [(n, m, value(n), value(m)) for n, m in itertools.permutations(numbers, 2) if 0 < abs(n - m) <= 2]
        near = [p for p in near if alike(*p[2:]) and not set(p[:2]) & set(p[2:])]
        for n, m, *results in map(in_words, some(near, 5)):
            yield "half-and-double", f"{name} {n} is", f"{name} {m} is", *results

    for n in random.sample(range(3, 10), 4):
        teen, tens = WORDS[n + 10], TENS[n - 2]
        yield "numeral", *(f"In figures, the number {word} is written" for word in (teen, tens)), n + 10, n * 10
        yield "numeral", *(f"In words, the number {number} is written" for number in (n * 10, n + 10)), tens, teen

    for row in LISTS:
        names = [f"a {noun}" for noun in row.split()]
        for n, m in random.sample([(2, 3), (3, 4), (4, 5), (4, 2), (3, 2), (4, 3)], 2):
            lists = (", ".join(names[: k - 1]) + " and " + names[k - 1] for k in (n, m))
            yield "counting", *(f"{text.capitalize()} make" for text in lists), *in_words((n, m))


random.seed(1)
seen = set()
number = 0
for phenomenon, *contexts, ending, other in groups():
    contexts = [context[0].upper() + context[1:] for context in contexts]
    if seen & set(contexts):
        continue
    seen |= set(contexts)
    number += 1
    for answer, context in enumerate(contexts):
        item = {"kind": "arithmetic", "group": number, "phenomenon": phenomenon, "context": context,
                "endings": [f" {ending}", f" {other}"], "answer": answer}
        print(json.dumps(item, separators=(",", ":")))
