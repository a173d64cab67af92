//! A copy in an S3 bucket: the newest object that fits, read as the version that was listed.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use exhibit_evidence::Timestamp;
use zeroize::Zeroizing;

use super::looking::{Look, Looker, picked};
use super::nearby;
use super::settings::{Protects, S3Settings};
use crate::remote::{Limits, RealPace, RemoteError};
use crate::sources::Root;
use crate::sources::logs::s3::{
    bucket::Bucket,
    listing::{self, Listed},
};

/// No object that holds a key is larger.
const MOST: u64 = 8 * 1024 * 1024;
/// What a program reads from its standard input fits into a pipe.
const PIPE: usize = 60 * 1024;

/// An object below the copy's prefix.
struct Object {
    key: String,
    size: u64,
    version: String,
    modified: Timestamp,
}

/// Looks for the key in the bucket.
pub(super) fn look(looker: &Looker<'_>, settings: &S3Settings, entry: &str, protects: &Protects, seed: u64) -> Look {
    let Root::Folder(base) = looker.around.root else { return Look::unreadable("settings", "there is no network here") };
    let told = |error: RemoteError| Look::unreadable(error.code(), error.to_string());
    let limits = Limits::default();
    let now = looker.around.clock.now();
    let connection = match settings.aws.connect(base, limits, now, Arc::new(RealPace::new()), seed) {
        Ok(connection) => connection,
        Err(error) => return told(error),
    };
    let bucket = Bucket { connection, name: settings.bucket.clone() };
    let (prefix, name) = settings.object.rsplit_once('/').map_or(("", settings.object.as_str()), |(prefix, name)| (prefix, name));
    let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    let objects = match listed(&bucket, &prefix) {
        Ok(objects) => objects,
        Err(error) => return told(error),
    };
    // What lies deeper has a prefix of its own.
    let beside: Vec<&Object> = objects.iter().filter(|object| !object.key[prefix.len()..].contains('/')).collect();
    let fits = |object: &&&Object| match name.split_once('*') {
        None => object.key[prefix.len()..] == *name,
        Some((start, end)) => {
            let own = &object.key[prefix.len()..];
            own.len() >= start.len() + end.len() && own.starts_with(start) && own.ends_with(end)
        }
    };
    let Some(newest) = beside.iter().filter(fits).max_by_key(|object| object.modified.micros()) else {
        return Look::absent(format!("the bucket holds no {}", settings.object));
    };
    let content = match content(&bucket, newest) {
        Ok(content) => content,
        Err(error) => return told(error),
    };
    let content = match opened(looker, settings, content) {
        Ok(content) => content,
        Err(look) => return *look,
    };
    let nearby = nearby::of_objects(&newest.key, beside.iter().map(|object| object.key.as_str()), protects);
    let look = picked(&content, settings.holds, entry, &settings.object);
    let found = (newest.key != settings.object).then(|| format!("s3://{}/{}", settings.bucket, newest.key));
    Look { found, taken: Some(newest.modified), nearby: Some(nearby), ..look }
}

/// Through age or gpg, where it is encrypted: what the bucket holds goes in by a pipe, and what is in it comes out by one.
fn opened(looker: &Looker<'_>, settings: &S3Settings, content: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, Box<Look>> {
    let (program, command) = match (&settings.age, &settings.gpg) {
        (Some(age), _) => (&age.program, vec!["--decrypt", "--identity", &age.identity]),
        (None, Some(gpg)) => (&gpg.program, vec!["--batch", "--quiet", "--no-tty", "--homedir", &gpg.home, "--decrypt"]),
        (None, None) => return Ok(content),
    };
    if content.len() > PIPE {
        return Err(Box::new(Look::unreadable("too-large", format!("the object has more than {PIPE} bytes"))));
    }
    let printed = looker.printed(program, &command, &[], Some(&content), Duration::from_secs(60));
    printed.map_err(|error| Box::new(Look::unreadable(error.code(), error.to_string())))
}

fn listed(bucket: &Bucket, prefix: &str) -> Result<Vec<Object>, RemoteError> {
    let mut objects = Vec::new();
    listing::each(bucket, prefix, &mut |Listed { key, size, version, modified, .. }, answer| {
        let modified = DateTime::parse_from_rfc3339(&modified).map_err(|_| answer.not_understood("each with its date"))?;
        objects.push(Object { key, size, version, modified: Timestamp::new(modified.to_utc()) });
        Ok(())
    })?;
    Ok(objects)
}

fn content(bucket: &Bucket, object: &Object) -> Result<Zeroizing<Vec<u8>>, RemoteError> {
    if object.size > MOST {
        return Err(RemoteError::Settings(format!("the object has more than {MOST} bytes, which none that holds a key has")));
    }
    let stream = bucket.object(&object.key, &object.version, object.size, 0)?;
    let mut content = Zeroizing::new(Vec::with_capacity(usize::try_from(object.size).unwrap_or(0) + 1));
    let broken = || RemoteError::BrokenOff { what: "reading an object", place: bucket.name.clone() };
    stream.take(object.size + 1).read_to_end(&mut content).map_err(|_| broken())?;
    if content.len() as u64 == object.size { Ok(content) } else { Err(broken()) }
}
