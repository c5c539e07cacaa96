"""What the services of `docker-compose.yml` need beside the platform itself."""
