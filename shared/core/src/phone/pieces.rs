//! Splits a text into pieces: digits, words, and what is between them.

use crate::unicode::{Class, class, decomposed};

/// Words between two numbers: "or", "and". `e` is one too, unless it is an exponent.
const BETWEEN: [&str; 4] = ["ou", "or", "and", "y"];

/// A piece of a text that is searched for phones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Adjacent digits.
    Digits(String),
    /// The sign that announces a country code.
    Plus,
    /// An opening bracket of any form.
    Open,
    /// A closing bracket.
    Close,
    /// A blank, a `-` or a `.`: these may be between the digits of one number.
    Gap(char),
    /// Anything that separates numbers, or has no meaning in a number.
    Cut,
    /// A bracket around an aside, such as a note or a count. It separates too.
    Aside,
    /// Adjacent letters: small, without accents.
    Word(String),
    /// A sign that makes the whole text no phone: from an address or an amount, or a lost character.
    Odd,
}

/// A text's pieces, and the changes made before.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    pub(super) list: Vec<Piece>,
    /// How many invisible characters were left out.
    pub(super) invisible: usize,
    /// How many characters were replaced by the plain ones that they look like.
    pub(super) replaced: usize,
    /// The text after both changes.
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

    /// Adds a character in its plain form, and returns the class of the last character.
    fn take(&mut self, c: char, before: Class) -> Class {
        let class = class(c);
        let plain = match class {
            Class::Invisible => {
                self.invisible += 1;
                return before;
            }
            // An accent belongs to its letter. A digit that is struck out or framed may be no digit. A mark on a blank
            // or another sign may be a lost character.
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
                // `㏠` contains a digit but is none; `¯` contains a blank but is none.
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

/// The placeholder for a lost character.
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
