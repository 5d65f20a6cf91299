//! From a text to pieces: digits, words, and what stands between them.

use crate::unicode::{Class, class, decomposed};

/// Words between two numbers: "or", "and". `e` is one too, unless it is an exponent.
const BETWEEN: [&str; 4] = ["ou", "or", "and", "y"];

/// A piece of a text in which phones are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Digits side by side.
    Digits(String),
    /// What announces a country code.
    Plus,
    /// An opening bracket of any form.
    Open,
    /// A closing one.
    Close,
    /// A blank, a `-` or a `.`: these stand between the digits of one number.
    Gap(char),
    /// What separates numbers, or has no meaning in one.
    Cut,
    /// A bracket around an aside, such as a note or a count. It separates too.
    Aside,
    /// Letters side by side: small, without accents.
    Word(String),
    /// A sign by which the whole text is no phone: of an address or an amount, or a character that was lost.
    Odd,
}

/// A text's pieces, and what was done to it before.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    pub(super) list: Vec<Piece>,
    /// Characters that cannot be seen, which were left out.
    pub(super) invisible: usize,
    /// Characters for which the plain ones stand that they look like.
    pub(super) replaced: usize,
    /// The text with both done.
    pub(super) plain: String,
}

impl Pieces {
    pub(super) fn of(text: &str) -> Self {
        let mut pieces = Self::default();
        let mut before = Class::Other;
        for c in text.chars() {
            before = pieces.take(c, before);
        }
        pieces.list = list(&pieces.plain.chars().collect::<Vec<_>>());
        pieces
    }

    /// Adds a character in its plain form, and gives the class of what stands last.
    fn take(&mut self, c: char, before: Class) -> Class {
        let class = class(c);
        let plain = match class {
            Class::Invisible => {
                self.invisible += 1;
                return before;
            }
            // An accent belongs to its letter. A digit that is struck out or framed is perhaps none, and what stands on a blank or
            // another sign may be a character that was lost.
            Class::Mark
                if self.plain.chars().next_back().is_some_and(|last| last.is_ascii() && !last.is_alphabetic()) =>
            {
                LOST
            }
            Class::Mark => return before,
            Class::Dash => '-',
            Class::Blank => ' ',
            Class::LineEnd => '\n',
            Class::Digit(digit) => digit,
            Class::Lost => LOST,
            Class::Letter | Class::Other => {
                let bare = |part: &char| self::class(*part) != Class::Mark;
                let parts: String = decomposed(c).filter(bare).flat_map(char::to_lowercase).collect();
                // `㏠` is written with a digit, and is none; `¯` with a blank, and is none.
                let is_digit = |part: char| part.is_ascii_digit();
                let is_mark =
                    decomposed(c).any(|part| self::class(part) == Class::Mark) && !parts.contains(char::is_alphabetic);
                self.plain.push_str(if parts.contains(is_digit) || is_mark { "\u{fffd}" } else { &parts });
                self.replaced += usize::from(class == Class::Other && !parts.contains(c));
                return class;
            }
        };
        self.replaced += usize::from(plain != c && !c.is_ascii());
        self.plain.push(plain);
        class
    }
}

/// What stands for a character that was lost.
const LOST: char = '\u{fffd}';

fn list(chars: &[char]) -> Vec<Piece> {
    let mut list = Vec::new();
    let mut rest = chars;
    while let Some(first) = rest.first() {
        let run = |keep: fn(char) -> bool| rest.iter().take_while(|c| keep(**c)).count();
        let (piece, length) = match first {
            '0'..='9' => {
                let length = run(|c| c.is_ascii_digit());
                (Piece::Digits(rest.iter().take(length).collect()), length)
            }
            c if c.is_alphabetic() => {
                let length = run(char::is_alphabetic);
                (word(rest.iter().take(length).collect()), length)
            }
            // `0**11` is `0xx11`.
            '*' if run(|c| c == '*') == 2 => (Piece::Word("xx".to_owned()), 2),
            c => (sign(*c), 1),
        };
        list.push(piece);
        rest = rest.get(length..).unwrap_or_default();
    }
    list
}

fn word(letters: String) -> Piece {
    if BETWEEN.contains(&letters.as_str()) { Piece::Cut } else { Piece::Word(letters) }
}

fn sign(c: char) -> Piece {
    match c {
        '+' => Piece::Plus,
        '(' | '[' | '{' => Piece::Open,
        ')' | ']' | '}' => Piece::Close,
        ' ' | '-' | '.' => Piece::Gap(c),
        '@' | '%' | '$' | LOST => Piece::Odd,
        _ => Piece::Cut,
    }
}
