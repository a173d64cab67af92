//! Jenkinsfiles: strings, what they are assigned to, and the blocks they stand in.

use super::shell;
use super::sink::{Form, Sink};

#[derive(Debug, PartialEq)]
enum Token<'t> {
    Name(&'t str),
    Text(&'t str),
    Mark(char),
}

/// Reads a Jenkinsfile or a Groovy script.
pub(crate) fn read(text: &str, sink: &mut Sink) {
    let tokens = tokens(text);
    // How many parts of the path each open block has added.
    let mut blocks: Vec<bool> = Vec::new();
    for (at, (token, line)) in tokens.iter().enumerate() {
        match token {
            Token::Mark('{') => {
                let name = block_name(&tokens[..at]);
                blocks.push(name.is_some());
                sink.path.extend(name);
            }
            Token::Mark('}') => {
                if blocks.pop() == Some(true) {
                    sink.path.pop();
                }
            }
            Token::Text(content) => string(content, *line, &tokens[..at], sink),
            Token::Name(_) | Token::Mark(_) => {}
        }
    }
    sink.path.clear();
}

/// How many tokens are looked back for an opening bracket.
const LOOK_BACK: usize = 500;

fn recent<'a, 't>(before: &'a [(Token<'t>, u32)]) -> &'a [(Token<'t>, u32)] {
    &before[before.len().saturating_sub(LOOK_BACK)..]
}

/// The name before `{`: `environment {`, `stage('Deploy') {`, `withEnv([…]) {`.
fn block_name(before: &[(Token<'_>, u32)]) -> Option<String> {
    let before = recent(before);
    match before.last()?.0 {
        Token::Name(name) => Some(name.to_owned()),
        Token::Mark(')') => {
            let mut depth = 0;
            let open = before.iter().rposition(|(token, _)| {
                match token {
                    Token::Mark(')') => depth += 1,
                    Token::Mark('(') => depth -= 1,
                    _ => {}
                }
                depth == 0
            })?;
            let Token::Name(name) = before.get(open.checked_sub(1)?)?.0 else {
                return None;
            };
            match before.get(open + 1) {
                Some((Token::Text(text), _)) if name == "stage" => Some(format!("{name}({text})")),
                _ => Some(name.to_owned()),
            }
        }
        _ => None,
    }
}

fn string(content: &str, line: u32, before: &[(Token<'_>, u32)], sink: &mut Sink) {
    sink.urls(content, line);
    let token = |back: usize| before.len().checked_sub(back).and_then(|at| before.get(at)).map(|(token, _)| token);
    let named = match (token(1), token(2)) {
        (Some(Token::Mark('=' | ':')), Some(Token::Name(name))) => Some(*name),
        (Some(Token::Mark('=' | ':')), Some(Token::Text(name))) => Some(*name),
        _ => None,
    };
    match named {
        Some("defaultValue" | "value" | "password") if parameter_name(before).is_some() => {
            let name = parameter_name(before).unwrap_or_default();
            sink.assign(name, content, false, line, Form::Key);
        }
        Some("script") => shell::script(content, line, sink),
        Some(name) => sink.assign(name, content, false, line, Form::Key),
        None => {
            let step = match (token(1), token(2)) {
                (Some(Token::Name(name)), _) => Some(*name),
                (Some(Token::Mark('(')), Some(Token::Name(name))) => Some(*name),
                _ => None,
            };
            if matches!(step, Some("sh" | "bat" | "powershell" | "pwsh")) {
                shell::script(content, line, sink);
            } else if let Some((name, value)) = content.split_once('=') {
                // `withEnv(["NAME=value"])`
                sink.assign(name.trim(), value, false, line, Form::Assignment);
            }
        }
    }
}

/// The name in `string(name: 'X', defaultValue: …)`, as far back as the bracket.
fn parameter_name<'t>(before: &[(Token<'t>, u32)]) -> Option<&'t str> {
    let before = recent(before);
    let start = before.iter().rposition(|(token, _)| *token == Token::Mark('(') || *token == Token::Mark('['))?;
    before[start..].windows(3).find_map(|window| match (&window[0].0, &window[1].0, &window[2].0) {
        (Token::Name("name" | "key" | "var"), Token::Mark(':'), Token::Text(name)) => Some(*name),
        _ => None,
    })
}

fn tokens(text: &str) -> Vec<(Token<'_>, u32)> {
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1u32);
    while let Some(next) = text[at..].chars().next() {
        let rest = &text[at..];
        if rest.starts_with("//") || (next == '#' && at == 0) {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if rest.starts_with("/*") {
            let end = rest.find("*/").map_or(rest.len(), |end| end + 2);
            line += newlines(&rest[..end]);
            at += end;
        } else if let Some(quote) = ["'''", "\"\"\"", "'", "\""].iter().find(|quote| rest.starts_with(**quote)) {
            let inner = &rest[quote.len()..];
            let end = string_end(inner, quote);
            tokens.push((Token::Text(&inner[..end]), line));
            line += newlines(&inner[..end]);
            let closed = inner[end..].starts_with(quote);
            at += end + quote.len() * if closed { 2 } else { 1 };
        } else if next.is_alphabetic() || next == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '.')).unwrap_or(rest.len());
            tokens.push((Token::Name(&rest[..end]), line));
            at += end;
        } else {
            if next == '\n' {
                line += 1;
            } else if !next.is_whitespace() {
                tokens.push((Token::Mark(next), line));
            }
            at += next.len_utf8();
        }
    }
    tokens
}

/// Where a string ends: at its quote, unless a backslash stands before it; a plain string also ends with its line.
fn string_end(inner: &str, quote: &str) -> usize {
    let mut escaped = false;
    for (at, c) in inner.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if inner[at..].starts_with(quote) || (quote.len() == 1 && c == '\n') {
            return at;
        }
    }
    inner.len()
}

fn newlines(text: &str) -> u32 {
    u32::try_from(text.bytes().filter(|&byte| byte == b'\n').count()).unwrap_or(u32::MAX)
}
