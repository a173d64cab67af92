//! A proxy between an S3 client and an S3 server, in which requests, answers, locks and bytes get lost when a test
//! wants it.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    io::{AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::{
    KeyPair, Message,
    http::{exchange, read},
};

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Which versions are there?
    Look,
    /// Here are bytes.
    Put,
    /// What is said of this version?
    Head,
    /// Which retention has it?
    Retention,
    /// Have this retention.
    SetRetention,
    /// Is a hold on it?
    Hold,
    /// A hold goes on or off.
    SetHold,
    /// What are its bytes?
    Bytes,
    /// Anything else.
    Other,
}

impl Step {
    fn of(request: &Message) -> Self {
        let (method, target) = request.asked();
        let query = target.split_once('?').map_or("", |(_, query)| query);
        let asks = |name: &str| query.split('&').any(|pair| pair == name || pair.starts_with(&format!("{name}=")));
        let object = target.trim_start_matches('/').split('?').next().unwrap_or_default().contains('/');
        match method {
            "GET" if asks("versions") => Self::Look,
            "GET" if asks("retention") => Self::Retention,
            "PUT" if asks("retention") => Self::SetRetention,
            "GET" if asks("legal-hold") => Self::Hold,
            "PUT" if asks("legal-hold") => Self::SetHold,
            "PUT" if object => Self::Put,
            "HEAD" if object => Self::Head,
            "GET" if object => Self::Bytes,
            _ => Self::Other,
        }
    }
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request does not arrive, and the connection ends.
    LoseRequest,
    /// The request arrives, and its answer does not: the connection ends.
    LoseReply,
    /// Half of the request arrives.
    CutRequest,
    /// The request arrives, and half of its answer comes.
    CutReply,
    /// Nothing arrives and nothing comes, and the connection stays.
    Hang,
    /// The request arrives, and the answer never comes.
    Mute,
    /// The request does not arrive, and this status and code come instead.
    Say(u16, &'static str),
    /// The request arrives, and this status and code come instead of the answer.
    DoAndSay(u16, &'static str),
    /// The put arrives without its lock, signed again.
    DropLock,
    /// The put arrives with another mode and date, signed again.
    OtherLock(&'static str, String),
    /// The put arrives after another, with these bytes, and neither asks whether there is one already: as on a server
    /// that knows no `If-None-Match`.
    RacedBy(Vec<u8>),
    /// The condition is taken from the put, as by a server that does not know it.
    IgnoreCondition,
    /// The versions in the answer come in the other order.
    ReverseVersions,
    /// The first byte of the answer's body is another; everything else is as it was.
    AlterBytes,
    /// These headers are taken from the answer.
    DropAnswerHeaders(&'static [&'static str]),
}

/// A request that came by.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What it was for.
    pub step: Step,
    /// As it came, without its body.
    pub request: Message,
    /// What the server answered, if it was asked; 0 otherwise.
    pub status: u16,
}

#[derive(Debug)]
struct Planned {
    step: Step,
    skip: usize,
    times: usize,
    fault: Fault,
}

#[derive(Debug)]
struct Inside {
    server: SocketAddr,
    keys: KeyPair,
    planned: Mutex<Vec<Planned>>,
    seen: Mutex<Vec<Seen>>,
}

/// The proxy; it ends with the value.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    inside: Arc<Inside>,
    listening: JoinHandle<()>,
}

impl FaultProxy {
    /// Before this server. What is changed on the way is signed again with these keys.
    ///
    /// # Panics
    /// When there is no port.
    pub async fn before(server: SocketAddr, keys: KeyPair) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let inside = Arc::new(Inside { server, keys, planned: Mutex::default(), seen: Mutex::default() });
        let own = Arc::clone(&inside);
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let inside = Arc::clone(&own);
                tokio::spawn(async move {
                    // A connection that breaks is what this is for.
                    let _ = inside.serve(client).await;
                });
            }
        });
        Self { address, inside, listening }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next request of that kind goes wrong.
    pub fn plan(&self, step: Step, fault: Fault) {
        self.plan_after(step, 0, 1, fault);
    }

    /// Requests of that kind go wrong, after `skip` that do not, `times` of them.
    pub fn plan_after(&self, step: Step, skip: usize, times: usize, fault: Fault) {
        lock(&self.inside.planned).push(Planned { step, skip, times, fault });
    }

    /// Nothing goes wrong from now on. Tells whether everything that was planned has come.
    pub fn heal(&self) -> bool {
        let left = std::mem::take(&mut *lock(&self.inside.planned));
        left.iter().all(|planned| planned.times == 0 || planned.times > 1_000_000)
    }

    /// What came by since this was asked last.
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *lock(&self.inside.seen))
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inside {
    /// What goes wrong with this request.
    fn fault(&self, step: Step) -> Option<Fault> {
        let mut planned = lock(&self.planned);
        let mine = planned.iter_mut().find(|planned| planned.step == step && planned.times > 0)?;
        if mine.skip > 0 {
            mine.skip -= 1;
            return None;
        }
        mine.times -= 1;
        Some(mine.fault.clone())
    }

    async fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        let (from, mut to) = client.split();
        let mut from = BufReader::new(from);
        while let Some(request) = read(&mut from, Some(&mut to), false).await? {
            let step = Step::of(&request);
            let fault = self.fault(step);
            let to_head = request.asked().0 == "HEAD";
            let place = {
                let mut seen = lock(&self.seen);
                seen.push(Seen { step, request: Message { body: Vec::new(), ..request.clone() }, status: 0 });
                seen.len() - 1
            };
            let Some((mut answer, whole)) = self.answer(request, fault).await? else { return Ok(()) };
            if to_head {
                answer.body.clear();
            }
            if let Some(seen) = lock(&self.seen).get_mut(place) {
                seen.status = answer.status();
            }
            let mut bytes = answer.head();
            bytes.extend_from_slice(&answer.body);
            if !whole {
                bytes.truncate(bytes.len() - answer.body.len().div_ceil(2).max(3));
            }
            to.write_all(&bytes).await?;
            if !whole {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The answer, and whether the client gets all of it; none where the connection just ends.
    async fn answer(&self, mut request: Message, fault: Option<Fault>) -> io::Result<Option<(Message, bool)>> {
        let answer = match fault {
            None => exchange(self.server, &request).await?,
            Some(Fault::LoseRequest) => return Ok(None),
            Some(Fault::LoseReply) => {
                exchange(self.server, &request).await?;
                return Ok(None);
            }
            Some(Fault::CutRequest) => {
                let mut server = TcpStream::connect(self.server).await?;
                let mut bytes = request.head();
                bytes.extend_from_slice(&request.body);
                bytes.truncate(bytes.len() - request.body.len().div_ceil(2).max(3));
                server.write_all(&bytes).await?;
                server.shutdown().await?;
                return Ok(None);
            }
            Some(Fault::CutReply) => return Ok(Some((exchange(self.server, &request).await?, false))),
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Mute) => {
                exchange(self.server, &request).await?;
                std::future::pending().await
            }
            Some(Fault::Say(status, code)) => error(status, code),
            Some(Fault::DoAndSay(status, code)) => {
                exchange(self.server, &request).await?;
                error(status, code)
            }
            Some(Fault::DropLock) => {
                request.headers.retain(|(name, _)| !name.to_ascii_lowercase().starts_with("x-amz-object-lock"));
                self.signed_again(request).await?
            }
            Some(Fault::OtherLock(mode, date)) => {
                request.set("x-amz-object-lock-mode", mode);
                request.set("x-amz-object-lock-retain-until-date", &date);
                self.signed_again(request).await?
            }
            Some(Fault::RacedBy(bytes)) => {
                request.remove("If-None-Match");
                let mut faster = request.clone();
                let digest = exhibit_evidence::Digest::of(&bytes).to_string();
                for of_bytes in ["Content-MD5", "x-amz-checksum-sha256", "x-amz-sdk-checksum-algorithm"] {
                    faster.remove(of_bytes);
                }
                faster.set("x-amz-meta-exhibit-sha256", &digest);
                faster.set("Content-Length", &bytes.len().to_string());
                faster.body = bytes;
                let first = self.signed_again(faster).await?;
                assert_eq!(first.status(), 200, "the faster put: {}", first.text());
                self.signed_again(request).await?
            }
            Some(Fault::IgnoreCondition) => {
                request.remove("If-None-Match");
                self.signed_again(request).await?
            }
            Some(Fault::ReverseVersions) => {
                let mut answer = exchange(self.server, &request).await?;
                let reversed = reversed(&answer.text());
                answer.set("Content-Length", &reversed.len().to_string());
                answer.body = reversed.into_bytes();
                answer
            }
            Some(Fault::AlterBytes) => {
                let mut answer = exchange(self.server, &request).await?;
                if let Some(byte) = answer.body.first_mut() {
                    *byte ^= 1;
                }
                answer
            }
            Some(Fault::DropAnswerHeaders(names)) => {
                let mut answer = exchange(self.server, &request).await?;
                names.iter().for_each(|name| answer.remove(name));
                answer
            }
        };
        Ok(Some((answer, true)))
    }

    async fn signed_again(&self, mut request: Message) -> io::Result<Message> {
        self.keys.sign(&mut request, "us-east-1");
        exchange(self.server, &request).await
    }
}

/// A listing with its versions in the other order.
fn reversed(listing: &str) -> String {
    const END: &str = "</Version>";
    let (Some(from), Some(to)) = (listing.find("<Version>"), listing.rfind(END)) else { return listing.to_owned() };
    let to = to + END.len();
    let mut versions: Vec<&str> = listing[from..to].split_inclusive(END).collect();
    versions.reverse();
    format!("{}{}{}", &listing[..from], versions.concat(), &listing[to..])
}

fn error(status: u16, code: &str) -> Message {
    let message = if code == "ExpiredToken" { "The provided token has expired." } else { "Played by the proxy." };
    let mut answer = Message::answer(
        status,
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"),
    );
    answer.set("x-amz-request-id", "PROXY0000000001");
    answer
}
