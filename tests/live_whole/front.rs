//! One address for all services: what is signed for EKS goes to one server, everything else to another.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

/// The URL of the front.
pub(crate) fn start(of_eks: &str, of_others: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let hosts = [of_eks, of_others].map(|url| url.trim_start_matches("http://").to_owned());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let hosts = hosts.clone();
            std::thread::spawn(move || {
                let _ = pass(&stream, &hosts);
            });
        }
    });
    url
}

/// One request and its answer; then the connection ends.
fn pass(stream: &TcpStream, [of_eks, of_others]: &[String; 2]) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (head, body) = message(&mut reader)?;
    let other = if head.contains("/eks/aws4_request") { of_eks } else { of_others };
    let mut onward = TcpStream::connect(other)?;
    onward.write_all(head.as_bytes())?;
    onward.write_all(&body)?;
    let (head, body) = message(&mut BufReader::new(onward))?;
    let mut stream = stream;
    stream.write_all(head.replacen("\r\n", "\r\nConnection: close\r\n", 1).as_bytes())?;
    stream.write_all(&body)?;
    stream.flush()
}

fn message(reader: &mut impl BufRead) -> std::io::Result<(String, Vec<u8>)> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let (name, value) = line.split_once(':').unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            // Each message has a connection of its own.
            "connection" => continue,
            _ => {}
        }
        head.push_str(&line);
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok((head, body))
}
