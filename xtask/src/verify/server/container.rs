//! Servers in containers of the official images.
//!
//! Containers outlive the runtime of the test that asked for them, so everything here runs
//! on a runtime of its own that lives as long as the process.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use pontoon::Dialect;
use testcontainers::bollard::query_parameters::{
    InspectContainerOptions, KillContainerOptionsBuilder, ListContainersOptionsBuilder, ListImagesOptionsBuilder,
    RemoveContainerOptionsBuilder, StartContainerOptions,
};
use testcontainers::core::client::docker_client_instance;
use testcontainers::core::{IntoContainerPort as _, Mount};
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerAsync, GenericImage, ImageExt as _, bollard};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::launch::POSTGRES_SETTINGS;
use super::spec::{EngineSpec, Extras, numbers};
use super::warden::Warden;
use super::{Held, Started, owner, ready, say};

/// How long an engine may take to say that it is there.
const PING: Duration = Duration::from_secs(3);
/// Creating and starting a container; the time to fetch its image comes before.
const STARTUP: Duration = Duration::from_secs(120);
/// The label that names the process a container belongs to.
const LABEL: &str = "pontoon.owner";

/// Where a small disk is mounted.
const DISK: &str = "/small-disk";

/// Ends a container by its name, with whatever can speak to the engine.
const END: &str = "docker rm -f -v \"$1\" || \
    curl -s -X DELETE --unix-socket /var/run/docker.sock \"http://docker/containers/$1?force=true&v=true\"";

/// A running container.
pub(super) struct Container {
    inner: Option<ContainerAsync<GenericImage>>,
    warden: Option<Warden>,
}

/// Its environment holds the password.
impl std::fmt::Debug for Container {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Container").field(&self.inner.as_ref().map(|it| it.id())).finish()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let (Some(container), Some(warden)) = (self.inner.take(), self.warden.take()) else { return };
        let Ok(runtime) = background() else { return };
        let (done, wait) = std::sync::mpsc::sync_channel(1);
        runtime.spawn(async move { done.send(container.rm().await.is_ok()) });
        if wait.recv_timeout(Duration::from_secs(20)) == Ok(true) {
            warden.dismiss();
        }
    }
}

impl Container {
    /// Kills all that runs in it.
    pub(super) async fn crash(&mut self) -> Result<(), String> {
        let id = self.inner.as_ref().map(|it| it.id().to_owned()).unwrap_or_default();
        let kill = async move {
            let engine = engine().await?;
            let signal = KillContainerOptionsBuilder::new().signal("SIGKILL").build();
            engine.kill_container(&id, Some(signal)).await.map_err(|error| format!("it is not killed: {error}"))
        };
        in_background(kill).await?
    }

    /// Starts it again, and waits until its server answers. Gives where that is now: which port of ours it has is chosen anew.
    pub(super) async fn start_again(&mut self, admin_url: &str) -> Result<String, String> {
        let id = self.inner.as_ref().map(|it| it.id().to_owned()).unwrap_or_default();
        let before = admin_url.to_owned();
        let start = async move {
            let engine = engine().await?;
            let started = engine.start_container(&id, None::<StartContainerOptions>).await;
            started.map_err(|error| format!("it does not start again: {error}"))?;
            let patience = ready::Patience::new();
            loop {
                let url = published(&engine, &id).await.and_then(|port| at_port(&before, port));
                let reason = match url {
                    Some(url) => match ready::once(&url).await {
                        Ok(()) => return Ok(url),
                        Err(reason) => reason,
                    },
                    None => "it has no port here".to_owned(),
                };
                patience.wait(reason).await?;
            }
        };
        in_background(start).await?
    }
}

/// The port of ours that leads to the container's.
async fn published(engine: &bollard::Docker, id: &str) -> Option<u16> {
    let found = engine.inspect_container(id, None::<InspectContainerOptions>).await.ok()?;
    let all = found.network_settings?.ports?.into_values().flatten().flatten();
    all.filter_map(|it| it.host_port?.parse().ok()).next()
}

/// The same URL at another port.
fn at_port(url: &str, port: u16) -> Option<String> {
    let (before, rest) = url.rsplit_once(':')?;
    let (_, path) = rest.split_once('/')?;
    Some(format!("{before}:{port}/{path}"))
}

/// Starts a container for `spec`, or says why there is none.
pub(super) async fn start(spec: &EngineSpec, extras: &Extras) -> Result<Started, String> {
    let (spec, extras) = (spec.clone(), extras.clone());
    in_background(async move {
        let engine = engine().await?;
        let tag = tag(&engine, &spec).await?;
        run(&engine, spec.dialect, &tag, &extras).await
    })
    .await
    .and_then(|started| started)
}

/// Removes containers of dead processes of ours.
pub(super) async fn sweep() {
    let _ = in_background(async {
        let Ok(engine) = engine().await else { return };
        let filters = HashMap::from([("label", vec![LABEL])]);
        let all = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        for container in engine.list_containers(Some(all)).await.unwrap_or_default() {
            let whose = container.labels.unwrap_or_default().remove(LABEL).unwrap_or_default();
            if let (Some(id), true) = (container.id, owner::is_dead(&whose)) {
                let force = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
                let _ = engine.remove_container(&id, Some(force)).await;
            }
        }
    })
    .await;
}

/// The engine itself is asked: a client on the PATH proves nothing.
async fn engine() -> Result<bollard::Docker, String> {
    let engine = docker_client_instance().await.map_err(|error| format!("no Docker engine: {error}"))?;
    match timeout(PING, engine.ping()).await {
        Ok(Ok(_)) => Ok(engine),
        Ok(Err(error)) => Err(format!("no Docker engine answers: {error}")),
        Err(_) => Err(format!("no Docker engine answers within {} seconds", PING.as_secs())),
    }
}

/// The image's tag: what was asked for, else the usual one, else the newest of those that are here.
async fn tag(engine: &bollard::Docker, spec: &EngineSpec) -> Result<String, String> {
    if let Some(version) = &spec.version {
        return Ok(version.clone());
    }
    let image = spec.dialect.name();
    let filters = HashMap::from([("reference", vec![image])]);
    let images = engine.list_images(Some(ListImagesOptionsBuilder::new().filters(&filters).build())).await;
    let images = images.map_err(|error| format!("the Docker engine lists no images: {error}"))?;
    let tags = images.iter().flat_map(|it| &it.repo_tags).filter_map(|it| it.rsplit_once(':')).map(|(_, tag)| tag);
    Ok(best_tag(spec.dialect, tags))
}

fn best_tag<'a>(dialect: Dialect, here: impl Iterator<Item = &'a str>) -> String {
    let (usual, oldest) = match dialect {
        Dialect::Postgres => ("17", vec![13]),
        Dialect::MySql => ("9.7", vec![8, 0]),
    };
    let here: Vec<_> = here.filter_map(|tag| Some((numbers(tag)?, tag))).filter(|(it, _)| *it >= oldest).collect();
    if here.iter().any(|(_, tag)| *tag == usual) {
        return usual.to_owned();
    }
    here.into_iter().max().map_or(usual, |(_, tag)| tag).to_owned()
}

async fn run(engine: &bollard::Docker, dialect: Dialect, tag: &str, extras: &Extras) -> Result<Started, String> {
    let image = format!("{}:{tag}", dialect.name());
    let name = format!("pontoon-{}-{:08x}", std::process::id(), fastrand::u32(..));
    let password = format!("{:016x}", fastrand::u64(..));
    let (port, scheme, user, variable, path) = match dialect {
        Dialect::Postgres => (5432, "postgres", "postgres", "POSTGRES_PASSWORD", "postgres"),
        Dialect::MySql => (3306, "mysql", "root", "MYSQL_ROOT_PASSWORD", ""),
    };
    let mut request = GenericImage::new(dialect.name(), tag)
        .with_exposed_port(port.tcp())
        .with_container_name(&name)
        .with_label(LABEL, owner::me())
        .with_env_var(variable, &password)
        .with_startup_timeout(STARTUP);
    let options = extras.options(DISK);
    if dialect == Dialect::Postgres {
        let all = ["postgres"].into_iter().chain(POSTGRES_SETTINGS).map(str::to_owned).chain(options);
        request = request.with_cmd(all);
    } else if !options.is_empty() {
        request = request.with_cmd(["mysqld".to_owned()].into_iter().chain(options));
    }
    if let Some(megabytes) = extras.disk_mb {
        let disk = Mount::tmpfs_mount(DISK).with_size_bytes(i64::from(megabytes) << 20).with_mode(0o1777);
        request = request.with_mount(disk);
    }
    if engine.inspect_image(&image).await.is_err() {
        say(&format!("fetching the image {image}"));
        request = request.pull_image().await.map_err(|error| format!("cannot fetch the image {image}: {error}"))?;
    }
    // set before the container is there, so that no moment is left uncovered
    let warden = Warden::new(END, &[&name]).map_err(|error| format!("cannot start `sh`: {error}"))?;
    let container = request.start().await.map_err(|error| format!("cannot start a container of {image}: {error}"))?;
    let unreachable = |error| format!("the container of {image} has no reachable port: {error}");
    let host = container.get_host().await.map_err(unreachable)?;
    let port = container.get_host_port_ipv4(port).await.map_err(unreachable)?;
    let container = Container { inner: Some(container), warden: Some(warden) };

    let admin_url = format!("{scheme}://{user}:{password}@{host}:{port}/{path}");
    let patience = ready::Patience::new();
    while let Err(reason) = ready::once(&admin_url).await {
        if let Some(why) = ended(&container).await {
            return Err(format!("the container of {image} has stopped: {why}"));
        }
        patience.wait(reason).await.map_err(|why| format!("the server in a container of {image}: {why}"))?;
    }
    let origin = format!("from a container of {image}");
    let disk = extras.disk_mb.map(|_| DISK.to_owned());
    Ok(Started { admin_url, origin, source: "docker", disk, held: Held::Container(Box::new(container)) })
}

/// If the container has stopped: its last words.
async fn ended(container: &Container) -> Option<String> {
    let inner = container.inner.as_ref()?;
    if inner.is_running().await.unwrap_or(true) {
        return None;
    }
    let words = inner.stderr_to_vec().await.unwrap_or_default();
    Some(String::from_utf8_lossy(&words).lines().last().unwrap_or("it said nothing").to_owned())
}

fn background() -> Result<&'static Runtime, String> {
    static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();
    RUNTIME
        .get_or_init(|| {
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .thread_name("pontoon-containers")
                .enable_all()
                .build()
        })
        .as_ref()
        .map_err(|error| format!("cannot start a thread: {error}"))
}

async fn in_background<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T, String> {
    background()?.spawn(work).await.map_err(|error| format!("the Docker client failed: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_found_at_its_other_port() {
        let url = |port| at_port("mysql://root:pass@127.0.0.1:3306/", port);
        assert_eq!(url(45).as_deref(), Some("mysql://root:pass@127.0.0.1:45/"));
        assert_eq!(at_port("postgres://a:b@h:1/postgres", 2).as_deref(), Some("postgres://a:b@h:2/postgres"));
    }

    #[test]
    fn the_usual_tag_comes_first_then_the_newest_that_is_here() {
        let best = |dialect, here: &[&str]| best_tag(dialect, here.iter().copied());
        assert_eq!(best(Dialect::Postgres, &["15", "18", "17"]), "17");
        assert_eq!(best(Dialect::Postgres, &["9.6", "15", "16", "latest"]), "16");
        assert_eq!(best(Dialect::MySql, &["5.7", "8.0", "8.4"]), "8.4");
        assert_eq!(best(Dialect::MySql, &["5.7", "debian"]), "9.7");
    }
}
