# One network: two subnets for Databricks' clusters, which have no public address, one for Airflow, one for private endpoints.

locals {
  subnets = {
    host      = cidrsubnet(var.address_space, 2, 0)
    container = cidrsubnet(var.address_space, 2, 1)
    airflow   = cidrsubnet(var.address_space, 2, 2)
    endpoints = cidrsubnet(var.address_space, 4, 12)
  }

  cluster_subnets = toset(["host", "container"])

  zones = {
    blob       = "privatelink.blob.core.windows.net"
    dfs        = "privatelink.dfs.core.windows.net"
    vault      = "privatelink.vaultcore.azure.net"
    databricks = "privatelink.azuredatabricks.net"
  }
}

resource "azurerm_virtual_network" "main" {
  name                = "vnet-${local.label}"
  location            = azurerm_resource_group.main.location
  resource_group_name = azurerm_resource_group.main.name
  address_space       = [var.address_space]
  tags                = local.tags
}

resource "azurerm_subnet" "cluster" {
  for_each = local.cluster_subnets

  name                            = "snet-databricks-${each.key}"
  resource_group_name             = azurerm_resource_group.main.name
  virtual_network_name            = azurerm_virtual_network.main.name
  address_prefixes                = [local.subnets[each.key]]
  default_outbound_access_enabled = false

  delegation {
    name = "databricks"

    service_delegation {
      name = "Microsoft.Databricks/workspaces"
      actions = [
        "Microsoft.Network/virtualNetworks/subnets/join/action",
        "Microsoft.Network/virtualNetworks/subnets/prepareNetworkPolicies/action",
        "Microsoft.Network/virtualNetworks/subnets/unprepareNetworkPolicies/action",
      ]
    }
  }
}

resource "azurerm_subnet" "airflow" {
  name                            = "snet-airflow"
  resource_group_name             = azurerm_resource_group.main.name
  virtual_network_name            = azurerm_virtual_network.main.name
  address_prefixes                = [local.subnets["airflow"]]
  default_outbound_access_enabled = false
}

resource "azurerm_subnet" "endpoints" {
  name                              = "snet-endpoints"
  resource_group_name               = azurerm_resource_group.main.name
  virtual_network_name              = azurerm_virtual_network.main.name
  address_prefixes                  = [local.subnets["endpoints"]]
  default_outbound_access_enabled   = false
  private_endpoint_network_policies = "Enabled"
}

# Databricks writes its own rules into the group of its subnets, so it has no rule of ours and is ignored below.
resource "azurerm_network_security_group" "cluster" {
  name                = "nsg-${local.label}-databricks"
  location            = azurerm_resource_group.main.location
  resource_group_name = azurerm_resource_group.main.name
  tags                = local.tags

  lifecycle {
    ignore_changes = [security_rule]
  }
}

# Azure's own rules let in the network and its peers, and nothing else.
resource "azurerm_network_security_group" "airflow" {
  name                = "nsg-${local.label}-airflow"
  location            = azurerm_resource_group.main.location
  resource_group_name = azurerm_resource_group.main.name
  tags                = local.tags
}

resource "azurerm_network_security_group" "endpoints" {
  name                = "nsg-${local.label}-endpoints"
  location            = azurerm_resource_group.main.location
  resource_group_name = azurerm_resource_group.main.name
  tags                = local.tags
}

resource "azurerm_network_security_rule" "https_from_networks" {
  name                        = "https-from-networks"
  description                 = "From this network and its peers."
  resource_group_name         = azurerm_resource_group.main.name
  network_security_group_name = azurerm_network_security_group.endpoints.name
  priority                    = 100
  direction                   = "Inbound"
  access                      = "Allow"
  protocol                    = "Tcp"
  source_address_prefix       = "VirtualNetwork"
  source_port_range           = "*"
  destination_address_prefix  = "VirtualNetwork"
  destination_port_range      = "443"
}

resource "azurerm_network_security_rule" "nothing_else" {
  name                        = "nothing-else"
  description                 = "No other way in, from the peers neither."
  resource_group_name         = azurerm_resource_group.main.name
  network_security_group_name = azurerm_network_security_group.endpoints.name
  priority                    = 4096
  direction                   = "Inbound"
  access                      = "Deny"
  protocol                    = "*"
  source_address_prefix       = "*"
  source_port_range           = "*"
  destination_address_prefix  = "*"
  destination_port_range      = "*"
}

resource "azurerm_subnet_network_security_group_association" "cluster" {
  for_each = local.cluster_subnets

  subnet_id                 = azurerm_subnet.cluster[each.key].id
  network_security_group_id = azurerm_network_security_group.cluster.id
}

resource "azurerm_subnet_network_security_group_association" "inside" {
  for_each = {
    airflow   = { subnet = azurerm_subnet.airflow.id, group = azurerm_network_security_group.airflow.id }
    endpoints = { subnet = azurerm_subnet.endpoints.id, group = azurerm_network_security_group.endpoints.id }
  }

  subnet_id                 = each.value.subnet
  network_security_group_id = each.value.group
}

# The only address in the world's sight: what goes out by it, and lets nothing in.
resource "azurerm_public_ip" "outbound" {
  count = var.nat_gateway ? 1 : 0

  name                = "pip-${local.label}-outbound"
  location            = azurerm_resource_group.main.location
  resource_group_name = azurerm_resource_group.main.name
  allocation_method   = "Static"
  sku                 = "Standard"
  tags                = local.tags
}

resource "azurerm_nat_gateway" "outbound" {
  count = var.nat_gateway ? 1 : 0

  name                = "ng-${local.label}"
  location            = azurerm_resource_group.main.location
  resource_group_name = azurerm_resource_group.main.name
  sku_name            = "Standard"
  tags                = local.tags
}

resource "azurerm_nat_gateway_public_ip_association" "outbound" {
  count = var.nat_gateway ? 1 : 0

  nat_gateway_id       = azurerm_nat_gateway.outbound[0].id
  public_ip_address_id = azurerm_public_ip.outbound[0].id
}

resource "azurerm_subnet_nat_gateway_association" "outbound" {
  for_each = var.nat_gateway ? {
    host      = azurerm_subnet.cluster["host"].id
    container = azurerm_subnet.cluster["container"].id
    airflow   = azurerm_subnet.airflow.id
  } : {}

  subnet_id      = each.value
  nat_gateway_id = azurerm_nat_gateway.outbound[0].id
}

resource "azurerm_virtual_network_peering" "out" {
  for_each = var.peered_networks

  name                      = "to-${each.key}"
  resource_group_name       = azurerm_resource_group.main.name
  virtual_network_name      = azurerm_virtual_network.main.name
  remote_virtual_network_id = each.value
  allow_forwarded_traffic   = true
}

resource "azurerm_private_dns_zone" "endpoint" {
  for_each = local.zones

  name                = each.value
  resource_group_name = azurerm_resource_group.main.name
  tags                = local.tags
}

resource "azurerm_private_dns_zone_virtual_network_link" "own" {
  for_each = local.zones

  name                = "own"
  private_dns_zone_id = azurerm_private_dns_zone.endpoint[each.key].id
  virtual_network_id  = azurerm_virtual_network.main.id
  tags                = local.tags
}

resource "azurerm_private_dns_zone_virtual_network_link" "peer" {
  for_each = {
    for pair in setproduct(keys(local.zones), keys(var.peered_networks)) :
    "${pair[0]}-${pair[1]}" => { zone = pair[0], network = pair[1] }
  }

  name                = each.value.network
  private_dns_zone_id = azurerm_private_dns_zone.endpoint[each.value.zone].id
  virtual_network_id  = var.peered_networks[each.value.network]
  tags                = local.tags
}

locals {
  endpoints = {
    blob       = { resource = azurerm_storage_account.lake.id, part = "blob", zone = "blob" }
    dfs        = { resource = azurerm_storage_account.lake.id, part = "dfs", zone = "dfs" }
    vault      = { resource = azurerm_key_vault.main.id, part = "vault", zone = "vault" }
    databricks = { resource = azurerm_databricks_workspace.main.id, part = "databricks_ui_api", zone = "databricks" }
    login      = { resource = azurerm_databricks_workspace.main.id, part = "browser_authentication", zone = "databricks" }
  }
}

resource "azurerm_private_endpoint" "inside" {
  for_each = local.endpoints

  name                = "pe-${local.label}-${each.key}"
  location            = azurerm_resource_group.main.location
  resource_group_name = azurerm_resource_group.main.name
  subnet_id           = azurerm_subnet.endpoints.id
  tags                = local.tags

  private_service_connection {
    name                           = each.key
    private_connection_resource_id = each.value.resource
    subresource_names              = [each.value.part]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = [azurerm_private_dns_zone.endpoint[each.value.zone].id]
  }
}
