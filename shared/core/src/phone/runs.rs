//! From pieces to runs: digits that may be one number, the signs between them, and the words about them.

use super::pieces::Piece;

/// Words before or after a phone, with or without a blank.
const LABELS: [&str; 21] = [
    "tel",
    "tels",
    "telefone",
    "telefones",
    "fone",
    "fones",
    "cel",
    "celular",
    "cels",
    "whats",
    "whatsapp",
    "wpp",
    "wp",
    "wts",
    "zap",
    "zapzap",
    "wa",
    "mobile",
    "phone",
    "contato",
    "ddd",
];
/// Words before the digits of an extension.
const EXTENSIONS: [&str; 9] = ["ramal", "ramais", "rm", "r", "ext", "extensao", "extension", "x", "ram"];
/// Words for numbers that are no phones. A CPF has as many digits as a mobile.
const DOCUMENTS: [&str; 31] = [
    "cpf",
    "cnpj",
    "rg",
    "cep",
    "ie",
    "id",
    "cod",
    "codigo",
    "pedido",
    "protocolo",
    "matricula",
    "conta",
    "agencia",
    "ag",
    "cc",
    "pis",
    "nis",
    "cnh",
    "nf",
    "boleto",
    "chave",
    "pix",
    "registro",
    "contrato",
    "processo",
    "cartao",
    "imei",
    "order",
    "nit",
    "oab",
    "crm",
];
/// The most signs other than blanks between two groups of one number: `) - (`.
const MAX_SIGNS: usize = 4;

/// Adjacent digits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) digits: String,
    /// The signs between the last group and this one: of ` `, `-`, `.`, `(`, `)`.
    pub(super) gap: String,
    /// Whether the digits are in brackets and the number goes on after them.
    pub(super) is_bracketed: bool,
    /// Whether the `xx` of a carrier's code is before the digits: `0xx11`.
    pub(super) follows_xx: bool,
}

/// The role that words give a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Role {
    #[default]
    Plain,
    /// It comes after a word for a phone.
    Labelled,
    /// It comes after a word for an extension.
    Extension,
    /// It is beside a word for another kind of number.
    Document,
}

/// Groups of digits with nothing between them that separates numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) groups: Vec<Group>,
    pub(super) has_plus: bool,
    pub(super) role: Role,
    /// Whether a letter is directly beside the digits and belongs to no known word.
    pub(super) has_letter: bool,
    /// Whether it is a whole number that was written with a fraction: `11999998888.0`.
    pub(super) has_fraction: bool,
}

/// Why a text is not searched further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoilt {
    /// It holds a sign that no phone has, or a `+` directly after a digit.
    Odd,
    /// It holds a number with an exponent, whose digits are lost: `1.1999E+10`.
    Exponent,
}

impl Run {
    pub(super) fn digits(&self) -> usize {
        self.groups.iter().map(|group| group.digits.len()).sum()
    }
}

pub(super) fn runs(pieces: &[Piece]) -> Result<Vec<Run>, Spoilt> {
    let pieces = with_brackets(pieces);
    let mut reader = Reader::default();
    for (at, piece) in pieces.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| pieces.get(at));
        reader.take(piece, before, pieces.get(at + 1..).unwrap_or_default())?;
    }
    reader.finish();
    Ok(reader.runs)
}

/// Keeps only brackets that are part of a number: digits inside, and more digits after them. All other brackets are
/// around an aside (`(2)`, `(mãe)`). A bracket without a partner is a blank.
fn with_brackets(pieces: &[Piece]) -> Vec<Piece> {
    let mut list = pieces.to_vec();
    for open in (0..pieces.len()).filter(|at| pieces.get(*at) == Some(&Piece::Open)) {
        let rest = pieces.get(open + 1..).unwrap_or_default();
        let end = rest.iter().position(|piece| matches!(piece, Piece::Open | Piece::Close));
        let (inside, behind) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or_default();
        let (opened, closed) = match behind.split_first() {
            Some((Piece::Close, behind)) if is_number(inside) && goes_on(behind) => (Piece::Open, Piece::Close),
            Some((Piece::Close, _)) => (Piece::Aside, Piece::Aside),
            // The next bracket is not its partner, or there is no next bracket.
            _ => (Piece::Gap(' '), behind.first().cloned().unwrap_or(Piece::Cut)),
        };
        for (at, piece) in [(open, opened), (open + 1 + inside.len(), closed)] {
            if let Some(slot) = list.get_mut(at) {
                *slot = piece;
            }
        }
    }
    list
}

/// Whether the content of brackets may be part of a number.
fn is_number(inside: &[Piece]) -> bool {
    let may_be = |piece: &Piece| matches!(piece, Piece::Digits(_) | Piece::Plus | Piece::Gap(_)) || is_xx(piece);
    inside.iter().all(may_be) && inside.iter().any(|piece| matches!(piece, Piece::Digits(_)) || is_xx(piece))
}

/// Whether digits follow with nothing before them that separates numbers.
fn goes_on(behind: &[Piece]) -> bool {
    let next = behind.iter().find(|piece| !matches!(piece, Piece::Gap(_)));
    next.is_some_and(|piece| matches!(piece, Piece::Digits(_) | Piece::Open) || is_xx(piece))
}

fn is_xx(piece: &Piece) -> bool {
    matches!(piece, Piece::Word(word) if word == "xx")
}

#[derive(Default)]
struct Reader {
    runs: Vec<Run>,
    run: Run,
    gap: String,
    in_brackets: bool,
    has_xx: bool,
    /// The role that the last word gives the next run.
    next: Role,
    /// Whether nothing separates the last run from the next piece.
    is_near: bool,
}

impl Reader {
    fn take(&mut self, piece: &Piece, before: Option<&Piece>, behind: &[Piece]) -> Result<(), Spoilt> {
        match piece {
            Piece::Odd => return Err(Spoilt::Odd),
            Piece::Plus if matches!(before, Some(Piece::Digits(_))) => return Err(Spoilt::Odd),
            Piece::Plus => {
                let opened = self.in_brackets;
                self.finish();
                (self.run.has_plus, self.in_brackets) = (true, opened);
                self.gap.extend(opened.then_some('('));
            }
            Piece::Digits(digits) => self.digits(digits, before),
            Piece::Gap(sign) => self.gap(*sign),
            Piece::Open => {
                self.in_brackets = true;
                self.gap.push('(');
            }
            Piece::Close => {
                self.in_brackets = false;
                self.gap.push(')');
            }
            Piece::Cut => self.cut(),
            Piece::Aside => self.finish(),
            Piece::Word(word) => return self.word(word, before, behind),
        }
        Ok(())
    }

    fn digits(&mut self, digits: &str, before: Option<&Piece>) {
        if self.run.groups.is_empty() {
            self.run.role = std::mem::take(&mut self.next);
            self.is_near = true;
        }
        let is_known = |word: &str| word == "xx" || LABELS.contains(&word) || EXTENSIONS.contains(&word);
        self.run.has_letter |= matches!(before, Some(Piece::Word(word)) if !is_known(word));
        self.run.groups.push(Group {
            digits: digits.to_owned(),
            gap: std::mem::take(&mut self.gap),
            is_bracketed: self.in_brackets,
            follows_xx: std::mem::take(&mut self.has_xx),
        });
    }

    fn gap(&mut self, sign: char) {
        if sign != ' ' || !self.gap.ends_with(' ') {
            self.gap.push(sign);
        }
        if self.gap.chars().filter(|c| *c != ' ').count() > MAX_SIGNS {
            self.finish();
        }
    }

    fn word(&mut self, word: &str, before: Option<&Piece>, behind: &[Piece]) -> Result<(), Spoilt> {
        let is_glued = matches!(before, Some(Piece::Digits(_)));
        if word == "xx" && (goes_on(behind) || matches!(behind, [Piece::Close, rest @ ..] if goes_on(rest))) {
            self.has_xx = true;
            return Ok(());
        }
        if word == "e" && is_glued && is_exponent(behind) {
            return Err(Spoilt::Exponent);
        }
        if word == "e" && !is_glued {
            self.cut();
            return Ok(());
        }
        self.run.has_letter |= is_glued && !LABELS.contains(&word) && !EXTENSIONS.contains(&word);
        self.finish();
        if DOCUMENTS.contains(&word) {
            self.next = Role::Document;
            if let Some(last) = self.runs.last_mut().filter(|last| self.is_near && last.role == Role::Plain) {
                last.role = Role::Document;
            }
        } else if EXTENSIONS.contains(&word) {
            self.next = Role::Extension;
        } else if LABELS.contains(&word) {
            self.next = Role::Labelled;
        } else if self.next != Role::Document {
            self.next = Role::Plain;
        }
        Ok(())
    }

    /// Ends the run and separates. The role for the next run stays: `CPF: 119…`.
    fn cut(&mut self) {
        self.finish();
        self.is_near = false;
    }

    /// Ends the present run.
    fn finish(&mut self) {
        let mut run = std::mem::take(&mut self.run);
        (self.gap, self.in_brackets, self.has_xx) = (String::new(), false, false);
        if run.groups.is_empty() {
            return;
        }
        drop_fraction(&mut run);
        self.runs.push(run);
    }
}

/// Whether digits follow, with or without a sign before them.
fn is_exponent(behind: &[Piece]) -> bool {
    matches!(behind, [Piece::Digits(_), ..] | [Piece::Plus | Piece::Gap('-'), Piece::Digits(_), ..])
}

/// Spreadsheets and floats write a phone as `11999998888.0`. The zeros after the point are not its digits.
fn drop_fraction(run: &mut Run) {
    if let [whole, fraction] = run.groups.as_slice()
        && whole.digits.len() >= 10
        && fraction.gap == "."
        && fraction.digits.bytes().all(|digit| digit == b'0')
    {
        run.groups.truncate(1);
        run.has_fraction = true;
    }
}
