"""What the program costs, how fast it answers and how good it is, measured side by side.

``uv run python -m benchmarks [NAME…] [--json FILE] [--quick] [--device auto|cpu|cuda[:N]]``

Without names all that can run here. Exit codes: 0 done, 1 one failed (the others went on), 2 usage.

How a benchmark fits in
-----------------------
One module with one function, and its name in ``__main__.NAMES``::

    def run(settings: RunSettings) -> Report: ...        # both from benchmarks.report

- It raises ``Skipped("one line why")`` where it cannot run, best before it has done any work. A package outside the project that
  is not installed needs no care: an import that fails says the same by itself.
- ``settings.quick``: short and rough, to see that it works, in a minute or so. ``settings.device``: as ``main --device`` has it.
  ``settings.say("…")``: one line of progress on standard error.
- ``Report(title, tables, notes, raw)``: ``Table(title, columns, rows)`` with units in the columns' names ("CPU, s"). A cell is
  text, a number (three significant digits on paper, all of them in JSON), ``None`` (nothing to say) or ``Spread``: a median with
  least and most, from ``paired.spread(values)`` or ``paired.ratio(a, b)``. ``raw`` is for JSON alone: samples.
- Nothing is printed: ``__main__`` prints Markdown and writes JSON, after each benchmark.
- Comparisons run side by side: ``paired.alternate({"ours": f, "bare": g}, rounds=5)`` calls them in turn, A B A B, after a
  warm-up. ``paired.child(command)`` runs a program and gives its ``Cost`` (wall and CPU seconds, peak MB); ``paired.within(f)``
  a call's.
- ``material.ready(material.H264_1080P60_B, seconds=40)`` gives a file that really moves, made once, outside the repository.
- Frame, ``report`` and ``paired`` import the standard library alone, so that a benchmark runs where, say, PyAV is missing.
"""
