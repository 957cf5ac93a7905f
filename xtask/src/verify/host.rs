//! The server that files are verified on, and another one in its place when a statement has ended it.

use std::time::{Duration, Instant};

use super::conn::Conn;
use super::server::{EngineSpec, Server, ServerError, Source};

/// How long a server may take to recover from a crash of one of its processes, as PostgreSQL does by itself.
const RECOVERS: Duration = Duration::from_secs(60);
/// How long one that nobody listens at is waited for.
const COMES_BACK: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(200);
/// One that is about to end may answer for a moment still.
const STAYS: Duration = Duration::from_secs(1);

/// Where files are verified.
#[derive(Debug)]
pub enum Host<'a> {
    /// Somebody else's, who alone can start it again.
    Given(&'a Server),
    /// One of ours.
    Own {
        /// What was asked for.
        engine: EngineSpec,
        /// Where it came from.
        source: Source,
        /// The one that is there now.
        server: Server,
    },
}

impl Host<'_> {
    /// The server that is there now.
    pub const fn server(&self) -> &Server {
        match self {
            Self::Given(server) => server,
            Self::Own { server, .. } => server,
        }
    }

    /// Waits until the server answers again, or starts another one.
    ///
    /// # Errors
    /// It does not come back, and there is no other.
    pub async fn revive(&mut self) -> Result<(), ServerError> {
        let stays = async {
            answers(self.server()).await?;
            tokio::time::sleep(STAYS).await;
            answers(self.server()).await
        };
        let Err(error) = stays.await else { return Ok(()) };
        match self {
            Self::Given(_) => Err(ServerError::Database(error)),
            Self::Own { engine, source, server } => {
                *server = Server::start(engine, source).await?;
                eprintln!("verifying on {}, since the one before was lost", server.describe());
                Ok(())
            }
        }
    }
}

async fn answers(server: &Server) -> Result<(), sqlx::Error> {
    let begun = Instant::now();
    loop {
        let asked = async { Conn::open(server.admin_url()).await?.value("SELECT 1").await };
        let (error, patience) = match asked.await {
            Ok(_) => return Ok(()),
            // it says that it recovers
            Err(error @ sqlx::Error::Database(_)) => (error, RECOVERS),
            Err(error) => (error, COMES_BACK),
        };
        if begun.elapsed() > patience {
            return Err(error);
        }
        tokio::time::sleep(LOOK).await;
    }
}
