//! A source that gives no more than it may: neither in all, nor for one token.

use std::io::{self, BufRead, Read};

const BYTE_ORDER_MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// `source` without its byte order mark, and within its allowances.
#[derive(Debug)]
pub(super) struct Metered<R> {
    source: R,
    left: u64,
    left_for_token: usize,
    /// What a token may take; nothing while all tokens share what is left.
    token_bytes_max: Option<usize>,
    /// The first bytes, while it is not clear whether they are a byte order mark; then what of them is left to give.
    first: Vec<u8>,
    begun: bool,
}

/// Which allowance is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exhausted {
    All,
    Token,
}

impl<R: BufRead> Metered<R> {
    pub(super) fn new(source: R, bytes_max: u64, token_bytes_max: usize) -> Self {
        Self {
            source,
            left: bytes_max,
            left_for_token: token_bytes_max,
            token_bytes_max: Some(token_bytes_max),
            first: Vec::new(),
            begun: false,
        }
    }

    /// Lets all tokens from here on share `bytes`.
    pub(super) fn share(&mut self, bytes: usize) {
        (self.left_for_token, self.token_bytes_max) = (bytes, None);
    }

    /// Lets each token from here on take `bytes`.
    pub(super) fn allow(&mut self, bytes: usize) {
        (self.left_for_token, self.token_bytes_max) = (bytes, Some(bytes));
    }

    /// Allows the next token.
    pub(super) fn renew(&mut self) {
        self.left_for_token = self.token_bytes_max.unwrap_or(self.left_for_token);
    }

    /// Which allowance is used up, if one is.
    pub(super) fn exhausted(&self) -> Option<Exhausted> {
        match (self.left, self.left_for_token) {
            (0, _) => Some(Exhausted::All),
            (_, 0) => Some(Exhausted::Token),
            _ => None,
        }
    }

    /// Takes the first bytes, until they differ from a byte order mark or are one. However small the pieces are in which
    /// the source gives them, the outcome is the same.
    fn begin(&mut self) -> io::Result<()> {
        while !self.begun {
            let given = match self.source.fill_buf() {
                Ok(given) => given.first().copied(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            match given {
                Some(byte) if BYTE_ORDER_MARK.get(self.first.len()) == Some(&byte) => {
                    self.source.consume(1);
                    self.first.push(byte);
                    self.begun = self.first.len() == BYTE_ORDER_MARK.len();
                    if self.begun {
                        self.first.clear();
                    }
                }
                _ => self.begun = true,
            }
        }
        Ok(())
    }
}

impl<R: BufRead> BufRead for Metered<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.begin()?;
        let exhausted = self.exhausted().is_some();
        let given = if self.first.is_empty() { self.source.fill_buf()? } else { &self.first };
        if exhausted && !given.is_empty() {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        let allowed = usize::try_from(self.left).unwrap_or(usize::MAX).min(self.left_for_token);
        Ok(given.get(..allowed).unwrap_or(given))
    }

    fn consume(&mut self, amount: usize) {
        self.left = self.left.saturating_sub(amount as u64);
        self.left_for_token = self.left_for_token.saturating_sub(amount);
        if self.first.is_empty() {
            self.source.consume(amount);
        } else {
            self.first.drain(..amount.min(self.first.len()));
        }
    }
}

impl<R: BufRead> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut given = self.fill_buf()?;
        let read = given.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}
