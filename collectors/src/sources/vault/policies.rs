//! Who may read a secret, as the vault's own policies tell: each policy that grants it, by its name.
//!
//! A policy is text that people wrote, in HCL or JSON. Of it only paths and what they grant are understood; where a policy can't be
//! understood, it counts as one that grants everything, so that nothing is missed. Who holds a policy, the vault does not tell
//! here, and root tokens need none.

use std::cmp::Reverse;

use super::super::json::Json;

/// The policies of a vault, by name.
#[derive(Debug, Default)]
pub(super) struct Policies(Vec<(String, Option<Vec<Rule>>)>);

/// What a policy grants on paths.
#[derive(Debug, PartialEq, Eq)]
struct Rule {
    path: String,
    /// `read`, `list`, `deny`, …
    grants: Vec<String>,
}

impl Policies {
    /// Takes in a policy. The one of root tokens is left out: it is no text that says anything.
    pub(super) fn add(&mut self, name: &str, text: &str) {
        if name != "root" {
            self.0.push((name.to_owned(), rules(text)));
        }
    }

    /// The policies by which a path may be read, in the order of their names.
    pub(super) fn readers(&self, path: &str) -> Vec<String> {
        let told = |(name, rules): &(String, Option<Vec<Rule>>)| match rules {
            Some(rules) => may_read(rules, path).then(|| format!("policy {name}")),
            None => Some(format!("policy {name}, which could not be understood")),
        };
        let mut readers: Vec<String> = self.0.iter().filter_map(told).collect();
        readers.sort();
        readers
    }
}

/// Whether the rule that has the last word on a path lets it be read.
fn may_read(rules: &[Rule], path: &str) -> bool {
    let Some(decisive) = rules.iter().filter(|rule| rule.covers(path)).map(Rule::weight).max() else { return false };
    let grants: Vec<&str> = rules
        .iter()
        .filter(|rule| rule.covers(path) && rule.weight() == decisive)
        .flat_map(|rule| rule.grants.iter().map(String::as_str))
        .collect();
    grants.contains(&"read") && !grants.contains(&"deny")
}

impl Rule {
    /// The path up to what a template fills in, which may be anything, and whether more may follow.
    fn pattern(&self) -> (&str, bool) {
        match self.path.split_once("{{") {
            Some((fixed, _)) => (fixed, true),
            None => self.path.strip_suffix('*').map_or((self.path.as_str(), false), |fixed| (fixed, true)),
        }
    }

    /// Whether the rule is about a path: `+` stands for one segment, a `*` at the end for whatever follows.
    fn covers(&self, path: &str) -> bool {
        let (pattern, open) = self.pattern();
        let (mut left, mut right) = (pattern.split('/'), path.split('/'));
        loop {
            match (left.next(), right.next()) {
                (None, None) => return true,
                (Some(own), Some(other)) => {
                    let last = left.clone().next().is_none();
                    if last && open {
                        return own == "+" || other.starts_with(own);
                    }
                    if own != "+" && own != other {
                        return false;
                    }
                }
                (None, Some(_)) | (Some(_), None) => return false,
            }
        }
    }

    /// The vault's own order, in which the greatest has the last word: the later the first wildcard the more it says, then
    /// one that ends says more than one that goes on, fewer `+`, the longer, and the later in the alphabet.
    fn weight(&self) -> (usize, bool, Reverse<usize>, usize, &str) {
        let (pattern, open) = self.pattern();
        let plus = pattern.split('/').filter(|part| *part == "+").count();
        let at = if pattern.starts_with('+') { Some(0) } else { pattern.find("/+").map(|at| at + 1) };
        let first = match (at, open) {
            (Some(at), _) => at,
            (None, true) => pattern.len(),
            (None, false) => usize::MAX,
        };
        (first, !open, Reverse(plus), pattern.len(), &self.path)
    }
}

/// The rules in a policy's text; none where it is not understood.
fn rules(text: &str) -> Option<Vec<Rule>> {
    if text.trim_start().starts_with('{') { of_json(text) } else { of_hcl(text) }
}

fn of_json(text: &str) -> Option<Vec<Rule>> {
    let read = Json::read(text).ok()?;
    let paths = read.get("path")?;
    // `"path": {…}`, or a list of such.
    let maps: Vec<&Json> = match paths.items() {
        [] => vec![paths],
        items => items.iter().collect(),
    };
    let mut rules = Vec::new();
    for (path, body) in maps.into_iter().flat_map(Json::entries) {
        let body = body.items().first().unwrap_or(body);
        let grants = match (body.get("capabilities"), body.text_at(["policy"])) {
            (Some(grants), _) => {
                grants.items().iter().map(|one| one.text().map(str::to_owned)).collect::<Option<_>>()?
            }
            (None, Some(word)) => of_word(word)?,
            (None, None) => Vec::new(),
        };
        rules.push(Rule { path: path.trim_start_matches('/').to_owned(), grants });
    }
    Some(rules)
}

/// What the words of before mean that stood where capabilities stand now.
fn of_word(word: &str) -> Option<Vec<String>> {
    match word {
        "deny" => Some(vec!["deny".to_owned()]),
        "read" | "write" | "sudo" => Some(vec!["read".to_owned()]),
        _ => None,
    }
}

/// A piece of HCL.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(first) = rest.next() {
        match first {
            '#' => while rest.next_if(|next| *next != '\n').is_some() {},
            '/' => match rest.next()? {
                '/' => while rest.next_if(|next| *next != '\n').is_some() {},
                '*' => {
                    let mut before = ' ';
                    loop {
                        match rest.next()? {
                            '/' if before == '*' => break,
                            next => before = next,
                        }
                    }
                }
                _ => return None,
            },
            '"' => {
                let mut inside = String::new();
                loop {
                    match rest.next()? {
                        '"' => break,
                        '\\' => inside.push(rest.next()?),
                        '\n' => return None,
                        next => inside.push(next),
                    }
                }
                tokens.push(Token::Text(inside));
            }
            space if space.is_whitespace() => {}
            '{' | '}' | '[' | ']' | '=' | ',' | ':' => tokens.push(Token::Sign(first)),
            start if start.is_alphanumeric() || matches!(start, '_' | '-') => {
                let mut word = String::from(start);
                while let Some(next) = rest.next_if(|next| next.is_alphanumeric() || matches!(next, '_' | '-' | '.')) {
                    word.push(next);
                }
                tokens.push(Token::Word(word));
            }
            _ => return None,
        }
    }
    Some(tokens)
}

fn of_hcl(text: &str) -> Option<Vec<Rule>> {
    let tokens = tokens(text)?;
    let is = |token: &Token, word: &str| matches!(token, Token::Word(own) | Token::Text(own) if own == word);
    let mut rules = Vec::new();
    let mut rest = tokens.as_slice();
    loop {
        match rest {
            [] => return Some(rules),
            [path, Token::Text(of), Token::Sign('{'), inside @ ..] if is(path, "path") => {
                let (body, after) = block(inside)?;
                rules.push(Rule { path: of.trim_start_matches('/').to_owned(), grants: grants(body)? });
                rest = after;
            }
            // Such as a policy's name.
            [Token::Word(_), Token::Sign('='), Token::Word(_) | Token::Text(_), after @ ..] => rest = after,
            _ => return None,
        }
    }
}

/// The tokens until a brace closes that was open, and what follows.
fn block(tokens: &[Token]) -> Option<(&[Token], &[Token])> {
    let mut open = 1_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Sign('{') => open += 1,
            Token::Sign('}') => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some((&tokens[..at], &tokens[at + 1..]));
        }
    }
    None
}

/// What the body of a rule grants: nothing, where it does not say.
fn grants(body: &[Token]) -> Option<Vec<String>> {
    let (mut grants, mut depth) = (Vec::new(), 0_usize);
    for (at, token) in body.iter().enumerate() {
        match (token, body.get(at + 1), body.get(at + 2)) {
            (Token::Sign('{'), ..) => depth += 1,
            (Token::Sign('}'), ..) => depth = depth.checked_sub(1)?,
            (Token::Word(word) | Token::Text(word), Some(Token::Sign('=')), Some(value)) if depth == 0 => {
                match (word.as_str(), value) {
                    ("capabilities", Token::Sign('[')) => {
                        let list = &body[at + 3..];
                        let end = list.iter().position(|token| *token == Token::Sign(']'))?;
                        for token in &list[..end] {
                            match token {
                                Token::Text(grant) => grants.push(grant.clone()),
                                Token::Sign(',') => {}
                                _ => return None,
                            }
                        }
                    }
                    ("policy", Token::Text(word)) => grants.extend(of_word(word)?),
                    ("capabilities" | "policy", _) => return None,
                    _ => {}
                }
            }
            _ => {}
        }
    }
    Some(grants)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(text: &str, path: &str) -> Option<bool> {
        rules(text).map(|rules| may_read(&rules, path))
    }

    #[test]
    fn policies_say_who_may_read() {
        let path = "secret/data/app/production";
        let cases = [
            (r#"path "secret/data/app/production" { capabilities = ["read"] }"#, Some(true)),
            (r#"path "/secret/data/app/production" { capabilities = ["list", "read",] }"#, Some(true)),
            (r#"path "secret/data/app/production" { capabilities = ["list", "update"] }"#, Some(false)),
            (r#"path "secret/data/app" { capabilities = ["read"] }"#, Some(false)),
            (r#"path "secret/data/app/" { capabilities = ["read"] }"#, Some(false)),
            (r#"path "secret/data/app/*" { capabilities = ["read"] }"#, Some(true)),
            (r#"path "secret/data/app/prod*" { capabilities = ["read"] }"#, Some(true)),
            (r#"path "*" { capabilities = ["read"] }"#, Some(true)),
            (r#"path "secret/metadata/*" { capabilities = ["read"] }"#, Some(false)),
            (r#"path "secret/data/+/production" { capabilities = ["read"] }"#, Some(true)),
            (r#"path "secret/data/+" { capabilities = ["read"] }"#, Some(false)),
            (r#"path "+/data/+/*" { capabilities = ["read"] }"#, Some(true)),
            (r#"path "secret/data/{{identity.entity.name}}/*" { capabilities = ["read"] }"#, Some(true)),
            (r#"path "secret/data/app/*" { policy = "write" }"#, Some(true)),
            (
                r#"path "secret/*" { capabilities = ["read"] } path "secret/data/app/*" { capabilities = ["deny"] }"#,
                Some(false),
            ),
            (
                r#"path "secret/*" { capabilities = ["deny"] } path "secret/data/app/*" { capabilities = ["read"] }"#,
                Some(true),
            ),
            (
                r#"path "secret/data/+/production" { capabilities = ["read"] } path "secret/data/app/*" { capabilities = ["list"] }"#,
                Some(false),
            ),
            (
                "# a comment\n// another\n/* one more * / */ name = \"n\"\npath \"secret/*\" {\n  capabilities = [\"read\"]\n  allowed_parameters = { \"a\" = [\"b\"] }\n}\n",
                Some(true),
            ),
            (r#"{"path": {"secret/*": {"capabilities": ["read"]}}}"#, Some(true)),
            (r#"{"path": [{"secret/*": [{"policy": "read"}]}]}"#, Some(true)),
            (r#"{"path": {"secret/*": {"capabilities": ["list"]}}}"#, Some(false)),
            ("", Some(false)),
            (r#"path "secret/*" { capabilities = ["read" }"#, None),
            (r#"path "secret/*" { capabilities = var.all }"#, None),
            ("path secret", None),
            ("{", None),
        ];
        for (text, expected) in cases {
            assert_eq!(reads(text, path), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_counts_as_a_reader_and_root_is_left_out() {
        let mut policies = Policies::default();
        policies.add("root", "");
        policies.add("odd", "path <<EOF");
        policies.add("app", r#"path "secret/*" { capabilities = ["read"] }"#);
        policies.add("other", r#"path "kv/*" { capabilities = ["read"] }"#);
        assert_eq!(policies.readers("secret/data/k"), ["policy app", "policy odd, which could not be understood"]);
    }
}
