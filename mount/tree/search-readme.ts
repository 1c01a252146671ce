const COMMON = `Set addr-min.txt and addr-max.txt (hex; first and last address) before the search to look through a part only. A new search takes the
place of the one before. status.txt says how far it is (Status: COMPLETED) and what went wrong; result.txt fills while it runs, and
result.csv and result.jsonl beside it hold the same with more columns. \`echo 1 > reset.txt\` ends the search and forgets what was
found and set. A search finds up to 65,536 hits.
`;

export const BIN_README = `Searches for bytes.

  echo 4d5a9000 > search.txt        begins at once
  echo '4d 5a ?? 0?' > search.txt   a ? fits every digit
  cat status.txt result.txt

align.txt (hex, a power of two): hits begin at multiples of it. search-skip-bitmask.txt (hex): bits set there do not matter.
ptr64.txt and ptr32.txt search for a pointer at multiples of its size. result.txt has an address a line.
Virtual memory is searched as the process sees it: what crosses two pages is found wherever these lie.

${COMMON}`;

export const STRINGS_README = `Searches for texts, as ASCII (UTF-8) and as UTF-16 at once.

  echo hooked_func > query.txt        begins at once
  echo '/password/i' > query.txt      letters of both cases
  echo '/\\d{4}-\\d{4}/' > query.txt    a regular expression as in JavaScript, flags i, m and s
  cat status.txt result.txt

An expression's match is found up to 4,096 bytes long; one that works too long on one piece of memory is ended, and status.txt says so.
result.txt: address, encoding, what lies there (a module, file or VAD and how far into it), and 32 bytes of context. Searches of
physical memory name a process that has the page mapped.

${COMMON}`;

export const YARA_README = `Holds YARA rules against memory.

  cp rules.yar yara-rules.txt         begins at once; rules that do not compile fail the write, and the log says why
  cat more.yar >> yara-rules.txt      adds to them
  cat status.txt result.txt result-v.txt

A process is searched allocation by allocation: offset 0 of a rule is where the allocation begins, so that conditions on headers work on
mapped images; small absent parts are read as zeros. Pieces are of 8 MiB and overlap by 64 KiB. Rules cannot include files.

${COMMON}`;
