//! Ways to write a name that directories take for one, or that people take for one.

/// Of `alice`.
pub const OF_ALICE: &[&str] = &[
    "alice",
    "ALICE",
    " alice",
    "alice ",
    "  alice  ",
    "alice\t",
    "alice\n",
    "ali\r\nce",
    "ali\0ce",
    "alice\0",
    "ali\u{200b}ce",
    "ali\u{ad}ce",
    "\u{feff}alice",
    "alice\u{a0}",
    "ａｌｉｃｅ",
    "𝐚𝐥𝐢𝐜𝐞",
    "\u{430}lice",
    "aliᶜe",
    "\u{202e}alice",
    "ali\u{200d}ce",
];
