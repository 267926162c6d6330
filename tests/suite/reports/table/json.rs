//! A JSON parser (RFC 8259) for objects without nested objects.

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Null,
    Number(i64),
    Text(String),
}

/// Parses a line that is an object, and returns its members in order.
pub fn object(line: &str) -> Vec<(String, Value)> {
    let mut parser = Parser { line, rest: line };
    parser.take('{');
    let mut members = Vec::new();
    loop {
        let name = parser.text();
        parser.take(':');
        members.push((name, parser.value()));
        if !parser.takes(',') {
            break;
        }
    }
    parser.take('}');
    assert_eq!(parser.rest, "", "after the object: {line}");
    members
}

struct Parser<'a> {
    line: &'a str,
    rest: &'a str,
}

impl Parser<'_> {
    fn next(&mut self) -> char {
        let mut letters = self.rest.chars();
        let letter = letters.next().unwrap_or_else(|| panic!("cut off: {}", self.line));
        self.rest = letters.as_str();
        letter
    }

    fn takes(&mut self, wanted: char) -> bool {
        let taken = self.rest.strip_prefix(wanted);
        self.rest = taken.unwrap_or(self.rest);
        taken.is_some()
    }

    fn take(&mut self, wanted: char) {
        assert!(self.takes(wanted), "no {wanted:?} before {:?} in {}", self.rest, self.line);
    }

    fn value(&mut self) -> Value {
        if self.rest.starts_with('"') {
            return Value::Text(self.text());
        }
        let end = self.rest.find([',', '}']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        if word == "null" {
            return Value::Null;
        }
        let number: i64 = word.parse().unwrap_or_else(|_| panic!("{word:?} in {}", self.line));
        assert_eq!(number.to_string(), word, "no leading zeros or signs: {}", self.line);
        Value::Number(number)
    }

    fn text(&mut self) -> String {
        self.take('"');
        let mut text = String::new();
        loop {
            match self.next() {
                '"' => return text,
                '\\' => text.push(self.escaped()),
                letter => {
                    assert!(letter >= ' ', "a raw control character in {}", self.line);
                    text.push(letter);
                }
            }
        }
    }

    fn escaped(&mut self) -> char {
        match self.next() {
            letter @ ('"' | '\\' | '/') => letter,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let digits: String = (0..4).map(|_| self.next()).collect();
                let code = u32::from_str_radix(&digits, 16).unwrap_or_else(|_| panic!("{digits:?} in {}", self.line));
                char::from_u32(code).unwrap_or_else(|| panic!("half a pair in {}", self.line))
            }
            letter => panic!("\\{letter} in {}", self.line),
        }
    }
}
