//! The chat server as it is usually built on Tokio: a task per connection, one broadcast channel of 1024 for the room,
//! an mpsc of 32 per user, a framed codec, a select of reading and writing. Who lags behind the channel loses messages.
//! argv: port [worker threads]
use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, mpsc, RwLock};
use tokio_util::codec::{Decoder, Encoder, FramedRead, FramedWrite};

const MAGIC: u32 = 0xDEADBEEF;
const HEADER_BYTES: usize = 16;
const CONTROL: u32 = 1;
const DATA: u32 = 2;

#[derive(Clone)]
struct Frame {
    kind: u32,
    payload: Bytes,
}

struct FrameCodec;

impl Decoder for FrameCodec {
    type Item = Frame;
    type Error = std::io::Error;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<Frame>, Self::Error> {
        if source.len() < HEADER_BYTES {
            return Ok(None);
        }
        let field = |at: usize| u32::from_be_bytes(source[at..at + 4].try_into().unwrap());
        let (magic, kind, length) = (field(0), field(8), field(12) as usize);
        if magic != MAGIC {
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "magic"));
        }
        if source.len() < HEADER_BYTES + length {
            source.reserve(HEADER_BYTES + length - source.len());
            return Ok(None);
        }
        source.advance(HEADER_BYTES);
        Ok(Some(Frame { kind, payload: source.split_to(length).freeze() }))
    }
}

impl Encoder<Frame> for FrameCodec {
    type Error = std::io::Error;

    fn encode(&mut self, frame: Frame, target: &mut BytesMut) -> Result<(), Self::Error> {
        target.reserve(HEADER_BYTES + frame.payload.len());
        target.put_u32(MAGIC);
        target.put_u32(1);
        target.put_u32(frame.kind);
        target.put_u32(frame.payload.len() as u32);
        target.extend_from_slice(&frame.payload);
        Ok(())
    }
}

type Users = Arc<RwLock<HashMap<u64, mpsc::Sender<Frame>>>>;

async fn serve(socket: TcpStream, id: u64, room: broadcast::Sender<Frame>, users: Users) {
    let (read_half, write_half) = socket.into_split();
    let mut incoming = FramedRead::new(read_half, FrameCodec);
    let mut outgoing = FramedWrite::new(write_half, FrameCodec);
    match incoming.next().await {
        Some(Ok(frame)) if frame.kind == CONTROL => {}
        _ => return,
    }
    let (direct, mut from_direct) = mpsc::channel::<Frame>(32);
    let mut from_room = room.subscribe();
    users.write().await.insert(id, direct);
    let read = async {
        while let Some(Ok(frame)) = incoming.next().await {
            if frame.kind == DATA {
                let _ = room.send(frame);
            }
        }
    };
    let write = async {
        loop {
            let frame = tokio::select! {
                received = from_room.recv() => match received {
                    Ok(frame) => frame,
                    Err(broadcast::error::RecvError::Lagged(_)) => continue,
                    Err(_) => break,
                },
                received = from_direct.recv() => match received {
                    Some(frame) => frame,
                    None => break,
                },
            };
            if outgoing.send(frame).await.is_err() {
                break;
            }
        }
    };
    tokio::select! { _ = read => {}, _ = write => {} }
    users.write().await.remove(&id);
}

async fn listen(port: u16) {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let (room, _) = broadcast::channel::<Frame>(1024);
    let users: Users = Default::default();
    let mut id = 0u64;
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        socket.set_nodelay(true).ok();
        id += 1;
        tokio::spawn(serve(socket, id, room.clone(), users.clone()));
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let port: u16 = arguments[1].parse().unwrap();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.enable_all();
    if let Some(threads) = arguments.get(2) {
        runtime.worker_threads(threads.parse().unwrap());
    }
    runtime.build().unwrap().block_on(listen(port));
}
