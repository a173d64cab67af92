//! Where shell text holds values: assignments, options, headers, what is piped into a login.

use super::sink::{Form, Sink};
use super::words::{self, Command, Word};

/// How deep `$(…)` is followed.
const DEEPEST: usize = 3;

/// Reads shell text that begins on `line` (from 1).
pub(crate) fn script(text: &str, line: u32, sink: &mut Sink) {
    script_at(text, line, DEEPEST, sink);
}

/// Reads a list of words that is handed over without a shell, such as `args: ["--password", "x"]`.
pub(crate) fn exec(words: &[(&str, u32)], sink: &mut Sink) {
    let Some(&(_, line)) = words.first() else {
        return;
    };
    let words = words.iter().map(|(text, _)| Word { text: (*text).to_owned(), quoted: false }).collect();
    command(&Command { words, line: 0, piped: false }, None, line, sink);
}

fn script_at(text: &str, line: u32, depth: usize, sink: &mut Sink) {
    let commands = words::commands(text);
    for (index, this) in commands.iter().enumerate() {
        let next = if this.piped { commands.get(index + 1) } else { None };
        command(this, next, line, sink);
        if depth > 0 {
            for word in &this.words {
                for inner in substitutions(&word.text) {
                    script_at(inner, line + this.line, depth - 1, sink);
                }
            }
        }
    }
}

/// The texts inside `$(…)` and back-quotes of a word.
fn substitutions(word: &str) -> Vec<&str> {
    let mut inside = Vec::new();
    if let Some(start) = word.find("$(")
        && let Some(end) = word.rfind(')')
        && end > start + 2
        && !word[start..].starts_with("$((")
    {
        inside.push(&word[start + 2..end]);
    }
    if let Some(start) = word.find('`')
        && let Some(end) = word.rfind('`')
        && end > start + 1
    {
        inside.push(&word[start + 1..end]);
    }
    inside
}

fn command(command: &Command, next: Option<&Command>, line: u32, sink: &mut Sink) {
    let line = line + command.line;
    let words = &command.words;
    let program = program(words);
    for (index, word) in words.iter().enumerate() {
        let following = words.get(index + 1).map(|word| word.text.as_str());
        one_word(word, following, program, line, sink);
    }
    if let Some(index) = words.iter().position(|word| word.text == "=")
        && let (Some(name), Some(text)) =
            (index.checked_sub(1).and_then(|before| words.get(before)), words.get(index + 1))
    {
        // PowerShell: `$env:NAME = 'value'`.
        let name = name.text.trim_start_matches('$').trim_start_matches("env:").trim_start_matches("Env:");
        sink.assign(name, &text.text, false, line, Form::Assignment);
    }
    if matches!(program, "echo" | "printf")
        && next.is_some_and(reads_a_secret)
        && let Some(word) = words.iter().skip(1).rfind(|word| !word.text.starts_with('-'))
    {
        sink.certain("(standard input of a login)", &word.text, line, Form::Input);
    }
    if let Some(word) = words.windows(2).find(|pair| pair[0].text.ends_with("<<<")).map(|pair| &pair[1])
        && reads_a_secret(command)
    {
        sink.certain("(standard input of a login)", &word.text, line, Form::Input);
    }
}

/// The program that a command runs, without its folder.
fn program(words: &[Word]) -> &str {
    const BEFORE: &[&str] =
        &["sudo", "env", "time", "then", "do", "else", "if", "!", "{", "exec", "command", "nohup", "-", "run:"];
    words
        .iter()
        .map(|word| word.text.as_str())
        .find(|word| !BEFORE.contains(word) && !word.split_once('=').is_some_and(|(name, _)| is_name(name)))
        .map_or("", |word| word.rsplit(['/', '\\']).next().unwrap_or(word))
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !text.as_bytes()[0].is_ascii_digit()
}

/// Whether a command takes a secret from its standard input.
fn reads_a_secret(command: &Command) -> bool {
    command.words.iter().any(|word| {
        matches!(
            word.text.as_str(),
            "--password-stdin"
                | "--with-token"
                | "--token-stdin"
                | "--passphrase-fd"
                | "--pinentry-mode"
                | "chpasswd"
                | "--stdin-password"
        )
    })
}

fn one_word(word: &Word, following: Option<&str>, program: &str, line: u32, sink: &mut Sink) {
    let text = word.text.as_str();
    sink.urls(text, line);
    if let Some((header, content)) = header(text) {
        sink.header(header, content, line);
        return;
    }
    if text.contains("\":") || text.contains("\" :") {
        json_pairs(text, line, sink);
        return;
    }
    if let Some((before, content)) = text.split_once('=')
        && let Some(name) = trailing_name(before)
    {
        sink.assign(name, content, false, line, if text.starts_with('-') { Form::Option } else { Form::Assignment });
        return;
    }
    let Some(option) = text.strip_prefix('-').filter(|option| !word.quoted && !option.is_empty()) else {
        return;
    };
    if short_option(option, following, program, line, sink) {
        return;
    }
    let name = option.trim_start_matches('-');
    if let Some((name, content)) = name.split_once(':') {
        // PowerShell and Windows tools: `-Password:value`.
        sink.assign(name, content, false, line, Form::Option);
    } else if let Some(content) = following.filter(|content| !content.starts_with('-'))
        && !["stdin", "file", "fd", "env", "prompt"].iter().any(|ending| name.ends_with(ending))
        && name.len() > 2
    {
        sink.assign(name, content, false, line, Form::Option);
    }
}

/// The name that ends a text before `=`: of `//registry.example.org/:_authToken`, `_authToken`.
fn trailing_name(before: &str) -> Option<&str> {
    let start = before
        .char_indices()
        .rev()
        .find(|(_, c)| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-' | '.'))
        .map_or(0, |(at, c)| at + c.len_utf8());
    let name = before[start..].trim_start_matches('-');
    (!name.is_empty() && name.len() <= 80).then_some(name)
}

/// Options of one letter that some programs read a password from. Answers whether it was one.
fn short_option(option: &str, following: Option<&str>, program: &str, line: u32, sink: &mut Sink) -> bool {
    let program = program.trim_end_matches(".exe");
    let separate: &[(&str, &[&str])] = &[
        (
            "p",
            &[
                "docker",
                "podman",
                "buildah",
                "skopeo",
                "oras",
                "helm",
                "az",
                "cf",
                "oc",
                "nerdctl",
                "crane",
                "twine",
                "mongo",
                "mongosh",
                "mongodump",
                "sshpass",
                "jf",
                "conan",
                "cosign",
                "regctl",
            ],
        ),
        ("a", &["redis-cli"]),
        ("w", &["ldapsearch", "ldapmodify"]),
        ("P", &["sqlcmd", "unzip", "zip", "bcp"]),
    ];
    if let Some((_, programs)) = separate.iter().find(|(letter, _)| *letter == option)
        && programs.contains(&program)
    {
        // `docker run -p 8080:80` publishes a port, `docker compose -p name` names a project.
        if let Some(content) = following.filter(|content| !content.contains(':') && !is_small_word(content)) {
            sink.certain(&format!("-{option}"), content, line, Form::Option);
        }
        return true;
    }
    let attached: &[(&str, &[&str])] =
        &[("p", &["mysql", "mysqldump", "mysqladmin", "mariadb", "sshpass", "7z", "7za"]), ("P", &["unzip", "zip"])];
    for (letter, programs) in attached {
        if let Some(content) = option.strip_prefix(letter).filter(|content| !content.is_empty())
            && programs.contains(&program)
        {
            sink.certain(&format!("-{letter}"), content, line, Form::Option);
            return true;
        }
    }
    if matches!(program, "curl" | "wget" | "http" | "https") && matches!(option, "u" | "-user" | "a" | "-auth") {
        if let Some((_, password)) = following.and_then(|content| content.split_once(':')) {
            sink.certain("(user and password)", password, line, Form::Option);
        }
        return true;
    }
    if program == "openssl" && matches!(option, "k" | "pass" | "passin" | "passout") {
        if let Some(content) = following {
            let content = content.strip_prefix("pass:").unwrap_or(content);
            if option == "k" || following.is_some_and(|content| content.starts_with("pass:")) {
                sink.certain(&format!("-{option}"), content, line, Form::Option);
            }
        }
        return true;
    }
    false
}

/// A port, a number, or a word that is a sub-command's own.
fn is_small_word(content: &str) -> bool {
    content.bytes().all(|byte| byte.is_ascii_digit() || byte == b'/') || content.starts_with('-')
}

/// A header as it is given to an HTTP client: `Authorization: Bearer x`.
fn header(text: &str) -> Option<(&str, &str)> {
    let (name, content) = text.split_once(':')?;
    let content = content.strip_prefix(' ')?;
    let is_header = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') && !name.is_empty();
    is_header.then_some((name, content.trim()))
}

/// `"name": "value"` pairs of JSON inside a word.
fn json_pairs(text: &str, line: u32, sink: &mut Sink) {
    let parts: Vec<&str> = text.split('"').collect();
    for window in parts.windows(4).skip(1) {
        if let [name, colon, content, _] = window
            && colon.trim() == ":"
        {
            sink.assign(name, content, false, line, Form::Json);
        }
    }
}
